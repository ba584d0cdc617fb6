"""The edge of system packages: archives on the network, and the folder where all of it is kept.

What has a hash is kept under it and never asked for again; only InRelease is read anew.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, BinaryIO

from cogsmith.errors import SystemPackageError
from cogsmith.process import star
from cogsmith.values import dataclass

__all__ = ["Shelf", "Wanted", "read", "spool", "today"]

LANES = 8  # connections at once
TRIES = 4
PATIENCE = 60  # seconds without a byte
MAX_RELEASE = 64 << 20
PIECE = 256 * 1024
_AGENT = {"User-Agent": "cogsmith (Debian packages)"}
_PASSING = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of an archive: where it is, by which hash it is known, its size (0: not said)."""

    url: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder with everything that was fetched; a file's name is its SHA-256."""

    folder: Path

    def path(self, sha256: str) -> Path:
        """Where a file is, or would be."""
        return self.folder / sha256

    def open(self, wanted: Wanted) -> BinaryIO:
        """A file's bytes; fetched first where somebody has emptied the shelf since."""
        try:
            return self.path(wanted.sha256).open("rb")
        except FileNotFoundError:
            self.fetch([wanted], lambda _: None)
        return self.path(wanted.sha256).open("rb")

    def fetch(self, wanted: Sequence[Wanted], tell: Callable[[int], object]) -> None:
        """Bring all of these, several at once; ``tell`` hears how many bytes came.

        Raises SystemPackageError for what cannot be had, or has another hash. Only whole and
        right files get their names, so that nothing half-written is ever taken.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        missing = [one for one in dict.fromkeys(wanted) if not self.path(one.sha256).exists()]
        stop = threading.Event()
        with ThreadPoolExecutor(LANES) as pool:
            try:
                jobs = [pool.submit(self._bring, one, tell, stop) for one in missing]
                done, _ = wait(jobs, return_when=FIRST_EXCEPTION)
                for job in done:
                    job.result()
            except BaseException:
                stop.set()
                raise

    def _bring(self, wanted: Wanted, tell: Callable[[int], object], stop: threading.Event) -> None:
        for attempt in range(TRIES):
            if stop.is_set():
                return
            came = 0
            try:
                with self._incoming(wanted) as write, _opened(wanted.url) as answer:
                    while data := answer.read(PIECE):
                        write(data)
                        came += len(data)
                        tell(len(data))
                        if stop.is_set():
                            return
                return
            except _Wrong as error:
                tell(-came)
                if attempt + 1 == TRIES or not error.passing:
                    raise error.told(wanted.url) from error
                time.sleep(0.2 * 2**attempt)

    @contextmanager
    def _incoming(self, wanted: Wanted) -> Iterator[Callable[[bytes], object]]:
        """Write beside the shelf; what is whole and right then gets its place at once."""
        hasher = hashlib.sha256()
        with self._beside() as file:

            def write(data: bytes) -> None:
                hasher.update(data)
                file.write(data)

            yield write
            if hasher.hexdigest() != wanted.sha256:
                raise _Wrong(f"has not the hash that the archive's index says ({wanted.sha256})")
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(0o644)
            Path(file.name).replace(self.path(wanted.sha256))

    @contextmanager
    def _beside(self) -> Iterator[IO[bytes]]:
        """A new file in the folder, that is gone unless it got another name."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=self.folder, prefix=".incoming-", delete=False
        ) as file:
            try:
                yield file
            finally:
                Path(file.name).unlink(missing_ok=True)

    def note(self, name: str) -> bytes | None:
        """What was kept under a name, None if nothing."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def keep(self, name: str, data: bytes) -> None:
        """Keep a small text under a name, whole or not at all."""
        with self._beside() as file:
            file.write(data)
            file.flush()
            Path(file.name).replace(self.folder / name)


def read(url: str) -> bytes:
    """A small file of an archive that has no hash: its InRelease."""
    for attempt in range(TRIES):
        try:
            with _opened(url) as answer:
                return answer.read(MAX_RELEASE)
        except _Wrong as error:
            if attempt + 1 == TRIES or not error.passing:
                raise error.told(url) from error
            time.sleep(0.2 * 2**attempt)
    raise AssertionError("unreachable")


def spool() -> IO[bytes]:
    """A file for a moment, that nobody else sees."""
    return tempfile.TemporaryFile()


def today() -> datetime:
    """What the clock says, in UTC."""
    return datetime.fromtimestamp(time.time(), timezone.utc)


class _Wrong(Exception):
    """What one try came to; ``passing`` says whether another may do better."""

    def __init__(self, message: str, *, passing: bool = True, hint: str = "") -> None:
        super().__init__(message)
        self.passing, self.hint = passing, hint

    def told(self, url: str) -> SystemPackageError:
        hint = self.hint or "try again, or name a mirror with COGSMITH_DEBIAN_MIRROR"
        return SystemPackageError(str(self), where=star(url), hint=hint)


@contextmanager
def _opened(url: str) -> Iterator[IO[bytes]]:
    """An answer's body; whatever goes wrong on the way, also in reading, is one exception."""
    request = urllib.request.Request(url, headers=_AGENT)  # noqa: S310 - checked: http(s)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            yield answer
    except urllib.error.HTTPError as error:
        error.close()
        gone = "the archive has moved on since: build with --no-cache" if error.code == 404 else ""
        message = f"answers {error.code} {error.reason}"
        raise _Wrong(message, passing=error.code in _PASSING, hint=gone) from error
    except urllib.error.URLError as error:
        raise _Wrong(f"cannot be reached: {error.reason}") from error
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise _Wrong(f"broke off: {str(error) or type(error).__name__}") from error
