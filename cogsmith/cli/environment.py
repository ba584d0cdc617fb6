"""Making a model's environment, and showing how far it is."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cogsmith.cli.console import Console
from cogsmith.cli.progress import showing
from cogsmith.environment import Settings

if TYPE_CHECKING:
    from cogsmith.config import Loaded
    from cogsmith.environment import Environment, Lock

_log = logging.getLogger(__name__)  # shown by --debug


def settings() -> Settings:
    """The person's machine, read from its environment variables."""
    return Settings.of(os.environ, home=Path.home(), system=sys.platform)


def prepared(loaded: Loaded, console: Console, *, locked: bool) -> Environment:
    """The model's environment, made now if it was not there.

    Raises LockError, LockStale and InstallError.
    """
    from cogsmith.environment import prepare  # a quarter of a second; settings() needs none of it

    with showing(console) as display:
        made = prepare(loaded, settings(), locked=locked, tell=display.step)
    _log.debug("lock: %s", made.lock_path)
    _log.debug("environment: %s", made.environment.folder)
    return made.environment


def locked_anew(loaded: Loaded, console: Console, *, upgrade: bool) -> Lock:
    """Resolve for the image and write the lock beside the config. Raises LockError."""
    from cogsmith.environment import write_lock

    with showing(console) as display:
        return write_lock(loaded, settings(), upgrade=upgrade, tell=display.step)
