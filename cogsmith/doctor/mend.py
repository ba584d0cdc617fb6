"""Writing repairs: all of them, or none."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from cogsmith.doctor.project import Change
from cogsmith.errors import ConfigError

__all__ = ["mend"]


def mend(folder: Path, changes: Iterable[Change]) -> None:
    """Make changes to the files of a folder.

    All new bytes are written beside their files first; what fails on the way, or when names are
    swapped, leaves every file as it was. Raises ConfigError, also when a new file is there.
    """
    wanted = tuple(changes)
    before = {change.path: _before(folder / change.path) for change in wanted}
    staged: dict[str, Path] = {}
    done: list[str] = []
    try:
        for change in wanted:
            if change.data is not None:
                path = folder / change.path
                staged[change.path] = path.with_name(f".{path.name}.{os.getpid()}")
                _stage(path, staged[change.path], change.data)
        for change in wanted:
            done.append(change.path)
            _make(folder / change.path, change, staged.get(change.path))
    except OSError as error:
        for name in reversed(done):
            _back(folder / name, before[name])
        path = Path(str(error.filename2 or error.filename or folder))
        taken = isinstance(error, FileExistsError)
        reason = "already exists" if taken else f"cannot be written ({error.strerror})"
        message = f"{path.name} {reason}; nothing was changed"
        raise ConfigError(message, where=str(path.parent)) from error
    finally:
        for beside in staged.values():
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)


def _before(path: Path) -> tuple[bytes, int] | None:
    """A file's bytes and rights; None where there is none."""
    try:
        return path.read_bytes(), path.stat().st_mode
    except OSError:
        return None


def _stage(path: Path, beside: Path, data: bytes) -> None:
    """The new bytes in a file beside, with the rights of the one they are for."""
    beside.write_bytes(data)
    if path.exists():
        shutil.copymode(path, beside)


def _make(path: Path, change: Change, staged: Path | None) -> None:
    if staged is None:
        path.unlink()
    else:
        if change.new:
            path.touch(exist_ok=False)  # the name is ours now, or somebody else's
        staged.replace(path)


def _back(path: Path, before: tuple[bytes, int] | None) -> None:
    """Undo one change, as well as it can be done."""
    with contextlib.suppress(OSError):
        if before is None:
            path.unlink(missing_ok=True)
        elif _before(path) != before:
            path.write_bytes(before[0])
            path.chmod(before[1])
