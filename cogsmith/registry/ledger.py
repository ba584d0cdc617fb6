"""What remembers uploads under way, so that a process that was killed can go on.

One small file for each upload, which only its owner may read: the address of an upload is
as good as a key to it. A file is held (``flock``) while its upload runs, so that two pushes
of one blob do not take turns in one session.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from cogsmith.oci import Digest
from cogsmith.registry.uploads import Session

__all__ = ["Ledger", "Page"]

KEPT = 24 * 3600.0  # seconds; registries end uploads that nobody goes on with, too


class Page:
    """What is remembered of one upload; without a file to write to, nothing is."""

    def __init__(self, descriptor: int | None = None, *, now: float = 0.0) -> None:
        self._descriptor, self._now = descriptor, now

    def read(self) -> Session | None:
        """The session to go on with; None when there is none, or it is too old."""
        if self._descriptor is None:
            return None
        text = os.pread(self._descriptor, 65536, 0)
        try:
            said = json.loads(text)
            session = Session(str(said["location"]), int(said["offset"]), int(said["least"]))
            return session if self._now - float(said["at"]) < KEPT else None
        except (ValueError, KeyError, TypeError):
            return None  # nothing yet, or half a line: then the blob is sent from its beginning

    def write(self, session: Session) -> None:
        """Remember how far it is. A page that cannot be written costs only the memory."""
        if self._descriptor is None:
            return
        entry = {
            "location": session.location, "offset": session.offset, "least": session.least,
            "at": self._now,
        }  # fmt: skip
        text = json.dumps(entry).encode()
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, text, 0)
            os.truncate(self._descriptor, len(text))

    def clear(self) -> None:
        """The upload is over."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.truncate(self._descriptor, 0)


class Ledger:
    """A folder of pages; None: nothing is remembered."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def page(self, address: str, repository: str, digest: Digest, now: float) -> Iterator[Page]:
        """The page of one upload; an empty one when another process holds it."""
        if self._folder is None:
            yield Page()
            return
        path = self._folder / Digest.of(f"{address} {repository} {digest}".encode()).hex
        descriptor = _held(path)
        if descriptor is None:
            yield Page()
            return
        try:
            page = Page(descriptor, now=now)
            yield page
            if page.read() is None:
                path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def _held(path: Path) -> int | None:
    """Open a page and hold it; None when somebody else does, or it cannot be written."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None  # a folder that cannot be written keeps nobody from pushing
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
