"""Making a model's environment, with a bar on a terminal and plain lines elsewhere."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from cogsmith.cli.console import Console
from cogsmith.config import Loaded
from cogsmith.environment import (
    Environment,
    Event,
    Lock,
    Notice,
    Progress,
    Settings,
    Tell,
    prepare,
    write_lock,
)

_log = logging.getLogger(__name__)  # shown by --debug


def settings() -> Settings:
    """The person's machine, read from its environment variables."""
    return Settings.of(os.environ, home=Path.home(), system=sys.platform)


def prepared(loaded: Loaded, console: Console, *, locked: bool) -> Environment:
    """The model's environment, made now if it was not there.

    Raises LockError, LockStale and InstallError.
    """
    with _telling(console) as tell:
        made = prepare(loaded, settings(), locked=locked, tell=tell)
    _log.debug("lock: %s", made.lock_path)
    _log.debug("environment: %s", made.environment.folder)
    return made.environment


def locked_anew(loaded: Loaded, console: Console, *, upgrade: bool) -> Lock:
    """Resolve for the image and write the lock beside the config. Raises LockError."""
    with _telling(console) as tell:
        return write_lock(loaded, settings(), upgrade=upgrade, tell=tell)


class _Bars(Protocol):
    """What we use of rich's Progress."""

    def add_task(self, description: str, *, total: float | None = ...) -> int: ...
    def update(self, task_id: int, **fields: object) -> None: ...


@contextmanager
def _telling(console: Console) -> Iterator[Tell]:
    """Ears for the events of the environment room."""
    if console.quiet or not console.terminal:
        yield lambda event: _plainly(console, event)
        return
    with _bars() as bars:
        tasks: dict[str, int] = {}
        yield lambda event: _drawn(console, bars, tasks, event)


def _plainly(console: Console, event: Event) -> None:
    """One line for what is worth one."""
    if isinstance(event, Notice):
        _notice(console, event)
    elif event.whole:
        console.note(event.text)


def _notice(console: Console, notice: Notice) -> None:
    console.note(notice.text)
    if notice.hint:
        console.note(notice.hint)


def _drawn(console: Console, bars: _Bars, tasks: dict[str, int], event: Event) -> None:
    """A bar for each step, moved on by its events."""
    if isinstance(event, Notice):
        _notice(console, event)
        return
    if event.step not in tasks:
        tasks[event.step] = bars.add_task(event.text, total=event.total or None)
    bars.update(
        tasks[event.step],
        description=event.text,
        total=event.total or None,
        completed=event.done,
        size=_amount(event),
    )


def _amount(event: Progress) -> str:
    if not event.total:
        return ""
    if event.unit == "B":
        return f"{event.done / 1e6:.0f}/{event.total / 1e6:.0f} MB"
    return f"{event.done}/{event.total}"


@contextmanager
def _bars() -> Iterator[_Bars]:
    """Bars on standard error that vanish when the work is done."""
    from rich.console import Console as Screen
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[size]}"),
        TimeElapsedColumn(),
    )

    class WithSize(Bars):
        def add_task(self, description: str, **fields: object) -> int:  # type: ignore[override]
            return super().add_task(description, size="", **fields)  # type: ignore[arg-type]

    with WithSize(*columns, console=Screen(stderr=True), transient=True) as bars:
        yield bars  # type: ignore[misc]
