"""Files that appear whole or not at all, locks between processes, and what disks refuse."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cogsmith.errors import OciError

__all__ = ["NewFile", "locked", "new_file", "refusals", "sync_folder"]

_FULL = {errno.ENOSPC, errno.EDQUOT}
_HINT = "make room on the disk, and run `cogsmith prune`"


@contextmanager
def refusals(where: Path) -> Iterator[None]:
    """What the disk refuses, in our words: OciError with the code ``disk``."""
    try:
        yield
    except OSError as error:
        place = str(error.filename or where)
        hint = _HINT if error.errno in _FULL else ""
        raise OciError(error.strerror or str(error), where=place, hint=hint, code="disk") from error


@contextmanager
def locked(path: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold a lock on a file; the kernel lets go of it even where the process is killed.

    With LOCK_NB, raises OciError where somebody else holds it.
    """
    with refusals(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    with file:
        try:
            with refusals(path):
                fcntl.flock(file, how)
        except OciError as error:
            if isinstance(error.__cause__, BlockingIOError):
                hint = "try again when no build, push or pull is running"
                message = "somebody else is using the layout"
                where = str(path.parent.parent)
                raise OciError(message, where=where, hint=hint, code="busy") from None
            raise
        yield


class NewFile:
    """A file that has no name yet. Bytes go in; ``publish`` makes them safe and names them."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self.file = path, file

    def write(self, data: bytes) -> None:
        """Append bytes."""
        with refusals(self.path):
            self.file.write(data)

    def publish(self, target: Path) -> None:
        """Give the file its name, in one step, when its bytes are on the disk."""
        with refusals(target):
            target.parent.mkdir(exist_ok=True)
            self.file.flush()
            os.fsync(self.file.fileno())
            self.path.replace(target)


@contextmanager
def new_file(folder: Path) -> Iterator[NewFile]:
    """A file in this folder that goes away unless it is published."""
    path = folder / f"{os.urandom(8).hex()}.new"
    with refusals(path):
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("xb")
    try:
        with file:
            yield NewFile(path, file)
    finally:
        path.unlink(missing_ok=True)  # a published one has another name by now


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a loss of power."""
    with refusals(folder):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
