"""The wheel cache: files in ``<sha256>/<file name>``, whole or not there.

A file grows beside the cache, in ``parts``, under a lock (flock) that ends with its process,
and is renamed when its hash is right. What a killed process leaves is taken up by the next one
that wants the same file; two processes at once each have their own.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cogsmith.environment.settings import Settings

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BLOCK", "Hashes", "Part", "adopt", "cached", "place", "remove_leftovers"]

BLOCK = 256 * 1024  # bytes
LEFTOVER_AGE = 7 * 86400.0  # seconds that an unfinished download may wait for being resumed


class Hashes:
    """The running hashes of a file: sha256, and whatever else the lock states."""

    def __init__(self, stated: Mapping[str, str]) -> None:
        self.stated = {k: v.lower() for k, v in stated.items() if k in hashlib.algorithms_available}
        self._running = {name: hashlib.new(name) for name in {"sha256", *self.stated}}

    def update(self, data: memoryview | bytes) -> None:
        """Take in the next bytes."""
        for one in self._running.values():
            one.update(data)

    @property
    def sha256(self) -> str:
        """Of all bytes so far."""
        return self._running["sha256"].hexdigest()

    def wrong(self) -> tuple[str, str, str] | None:
        """A hash that is not what the lock states: algorithm, what it is, what is stated."""
        for name, stated in sorted(self.stated.items()):
            if (found := self._running[name].hexdigest()) != stated:
                return name, found, stated
        return None


def place(settings: Settings, sha256: str, filename: str) -> Path:
    """Where a file of the cache lies."""
    return settings.wheels / sha256 / filename


def cached(settings: Settings, sha256: str, filename: str) -> Path | None:
    """A file of the cache, None when it is not there."""
    path = place(settings, sha256, filename)
    return path if path.is_file() else None


class Part:
    """A file on its way into the cache. Use it in a ``with`` block."""

    def __init__(self, settings: Settings, stated: Mapping[str, str]) -> None:
        self.settings, self.stated = settings, stated
        digest = stated.get("sha256") or max(stated.values(), key=len)
        self._file, self._path = _opened(settings.wheels / "parts", digest.lower() or "unknown")
        self.hashes = Hashes(stated)
        self.size = 0
        while data := self._file.read(BLOCK):
            self._count(data)
        self.resumed = self.size > 0

    def _count(self, data: memoryview | bytes) -> None:
        self.hashes.update(data)
        self.size += len(data)

    def write(self, data: memoryview | bytes) -> None:
        """The next bytes. Raises OSError, and then gives the room on the disk back."""
        rest = memoryview(data)
        try:
            while rest:  # an unbuffered file may take less than it is given
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._path.unlink(missing_ok=True)
            raise
        self._count(data)

    def clear(self) -> None:
        """Begin anew."""
        self._file.seek(0)
        self._file.truncate()
        self.hashes, self.size, self.resumed = Hashes(self.stated), 0, False

    def keep(self, filename: str) -> Path:
        """Move it to its place; whoever was there first has the same bytes."""
        self._file.flush()
        target = place(self.settings, self.hashes.sha256, filename)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._path.chmod(0o644)
        self._path.replace(target)
        return target

    def discard(self) -> None:
        """Leave nothing of it."""
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _opened(folder: Path, digest: str) -> tuple[IO[bytes], Path]:
    """A leftover that nobody works on, or a new file; locked either way."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob(f"{digest}.*")):
        if file := _taken(path, "r+b"):
            return file, path
    while True:
        path = folder / f"{digest}.{os.getpid()}-{os.urandom(4).hex()}"
        if file := _taken(path, "x+b"):
            return file, path


def _taken(path: Path, mode: str) -> IO[bytes] | None:
    """Open and lock a file; None when another process has it, or has moved it meanwhile."""
    try:
        file: IO[bytes] = path.open(mode, buffering=0)
    except (FileNotFoundError, FileExistsError):
        return None
    with contextlib.suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
            return file
    file.close()
    return None


def remove_leftovers(settings: Settings) -> None:
    """What was left unfinished long ago, and that nobody works on."""
    for path in _old(settings.wheels / "parts"):
        if file := _taken(path, "r+b"):
            path.unlink(missing_ok=True)
            file.close()


def _old(folder: Path) -> Iterator[Path]:
    for path in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > LEFTOVER_AGE:
                yield path


def adopt(path: Path, settings: Settings, stated: Mapping[str, str]) -> tuple[Hashes, Path | None]:
    """Take a copy of a local file into the cache: a link would change when the file does.

    None instead of its new place: its bytes are not those that the lock states. Raises OSError.
    """
    with path.open("rb") as file, Part(settings, stated or {"sha256": ""}) as part:
        part.clear()
        while data := file.read(BLOCK):
            part.write(data)
        if stated and part.hashes.wrong():
            part.discard()
            return part.hashes, None
        return part.hashes, part.keep(path.name)
