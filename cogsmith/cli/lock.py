"""``cogsmith lock``: a model's Python packages, pinned with hashes in ``pylock.toml``."""

from __future__ import annotations

import click

from cogsmith.cli import options
from cogsmith.cli.console import Console
from cogsmith.cli.environment import locked_anew, settings
from cogsmith.cli.local import choose
from cogsmith.config import Loaded
from cogsmith.environment import lock_path, look
from cogsmith.errors import LockStale, Problem


@click.command("lock")
@options.model
@click.option("--check", is_flag=True, help="Change nothing; fail when the lock has to be made.")
@click.option("--upgrade", is_flag=True, help="Take the newest versions, not the locked ones.")
@options.progress
def command(
    model: str | None, file: str | None, check: bool, upgrade: bool, console: Console
) -> None:
    """Resolve a model's requirements for its image, and write pylock.toml (PEP 751).

    The file goes beside the config: pylock.toml, or pylock.NAME.toml for cog.NAME.yaml.
    Commit it: it holds the hash of every file, and the checksum of the requirements that it
    answers, so that a change of either is seen.
    """
    loaded = choose(model, file)
    if check:
        _check(loaded)
        console.done(f"{lock_path(loaded.path).name} answers the requirements")
        return
    lock = locked_anew(loaded, console, upgrade=upgrade)
    console.done(f"wrote {lock_path(loaded.path).name}: {len(lock.pins)} packages")


def _check(loaded: Loaded) -> None:
    """Raise LockStale with every difference between the lock and the requirements."""
    project = look(loaded, settings())
    hint = "run `cogsmith lock` and commit it"
    if project.lock is None:
        raise LockStale("there is no lock", where=project.path.name, hint=hint)
    if project.drift:
        lines = project.drift.lines()
        raise LockStale([Problem(line, where=project.path.name, hint=hint) for line in lines])
