"""Files that appear whole or not at all, locks between processes, and what disks refuse."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from cogsmith.errors import WeightsError

__all__ = ["locked", "owned", "publish", "refusals", "replaced", "used"]

FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def refusals(where: Path) -> Iterator[None]:
    """What the disk refuses, in our words: WeightsError with the code ``disk``."""
    try:
        yield
    except OSError as error:
        place = str(error.filename or where)
        hint = "make room on the disk, or set COG_CACHE_DIR" if error.errno in FULL else ""
        said = error.strerror or str(error)
        raise WeightsError(said, where=place, hint=hint, code="disk") from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock on a file; the kernel lets go of it even where the process is killed."""
    with refusals(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    with file:
        with refusals(path):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def owned(path: Path) -> Iterator[BinaryIO]:
    """A file to append to, which nobody else has meanwhile; it is made if there is none.

    Who waited for it may find that it has got another name: then there is a new one.
    """
    while True:
        with refusals(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+b")
        with file:
            with refusals(path):
                fcntl.flock(file, fcntl.LOCK_EX)
            if not _still_there(file, path):
                continue
            yield file
            return


def _still_there(file: BinaryIO, path: Path) -> bool:
    try:
        return path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False


@contextmanager
def used(path: Path) -> Iterator[Callable[[], bool]]:
    """Hold a lock together with others; what is yielded says whether nobody else holds it now."""
    with refusals(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    with file:
        with refusals(path):
            fcntl.flock(file, fcntl.LOCK_SH)
        yield lambda: _alone(file)


def _alone(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def publish(part: Path, target: Path) -> None:
    """Give a file its name, in one step, when its bytes are on the disk; nobody may write to it.

    Many projects share it by hard links: one that wrote to its own would change all.
    """
    with refusals(target):
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.chmod(0o444)
        target.parent.mkdir(parents=True, exist_ok=True)
        part.replace(target)
        _sync(target.parent)


def replaced(path: Path, data: bytes) -> None:
    """Write a small file, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.urandom(4).hex()}.new")
    with refusals(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()


def _sync(folder: Path) -> None:
    """Make the names in a folder outlive a loss of power."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
