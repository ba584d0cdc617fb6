"""The files of a listing, brought into the store: several at a time, gone on with, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cogsmith.errors import DigestMismatch, WeightsError
from cogsmith.oci import chunks_of
from cogsmith.weights.fetch.lanes import Stop, run_all
from cogsmith.weights.fetch.web import Passing, again
from cogsmith.weights.files import WeightFile
from cogsmith.weights.listing import Listed, Listing
from cogsmith.weights.progress import FileProgress, State, Tell, silent
from cogsmith.weights.settings import Settings
from cogsmith.weights.store.store import Incoming, Store

__all__ = ["fetch"]


def fetch(
    listing: Listing, files: Sequence[Listed], settings: Settings, *, tell: Tell = silent
) -> tuple[WeightFile, ...]:
    """Bring files into the store, those that are not there; what they are, by path.

    A file whose bytes are others than the source named is an error, and nothing of it is kept.
    Interrupted, the next call goes on where this one ended. Raises WeightsError, DigestMismatch.
    """
    stop = Stop(listing.halt)
    work = _Work(listing, settings, tell, stop)
    by_size = sorted(files, key=lambda file: -(file.size or 0))  # the longest way begins first
    made = run_all(work.bring, by_size, lanes=settings.lanes, stop=stop)
    return tuple(sorted(made))


class _Work:
    def __init__(self, listing: Listing, settings: Settings, tell: Tell, stop: Stop) -> None:
        self.listing, self.settings, self.tell, self.stop = listing, settings, tell, stop
        self.store = Store(settings.store)

    def bring(self, file: Listed) -> WeightFile:
        """One file."""
        if found := self._found(file):
            return found
        name = str(file.digest or "") or file.key or f"{id(self.listing)} {file.path}"
        with self.store.incoming(name) as coming:
            if found := self._found(file):
                return found  # somebody else has brought it, while we waited
            if not (file.digest or file.key):
                coming.restart()  # nobody knows whether the rest would be of the same file
            made = self._filled(file, coming)
            if file.git:
                self._check_git(file, made)
            if file.key:
                self.store.note_file(file.key, made)
        self._tell(file, "done", made.size)
        return made

    def _found(self, file: Listed) -> WeightFile | None:
        """The file, when it is in the store."""
        known = self._known(file)
        if known is None or not self.store.has(known):
            return None
        self._tell(file, "known", known.size)
        return known

    def _known(self, file: Listed) -> WeightFile | None:
        if file.digest is not None and file.size is not None:
            return WeightFile(file.path, file.size, file.digest)
        return self.store.known_file(file.path, file.key) if file.key else None

    def _filled(self, file: Listed, coming: Incoming) -> WeightFile:
        resumed = coming.size > 0
        while True:
            self._read(file, coming)
            try:
                return coming.keep(file.path, size=file.size, digest=file.digest)
            except DigestMismatch:
                if not resumed:  # else what was left may be at fault, and it is gone now
                    raise
                resumed = False

    def _read(self, file: Listed, coming: Incoming) -> None:
        """All bytes, across breaks."""
        failures = 0
        if file.size is not None and coming.size > file.size:
            coming.restart()
        while file.size is None or coming.size < file.size or not file.size:
            at = coming.size
            try:
                for data in self.listing.read(file, at):
                    self.stop.check()
                    coming.write(data)
                    self._tell(file, "fetching", coming.size)
                    if file.size is not None and coming.size > file.size:
                        return  # more than there should be: keep() says so
                return
            except Passing as error:
                failures = 1 if coming.size > at else failures + 1
                if not (file.digest or file.key):
                    coming.restart()  # the rest could be of another file by now
                self._tell(file, "retrying", coming.size, error.message)
                again(error, failures, self.settings, self.stop.sleep)
            except WeightsError as error:
                if error.code != "http_416" or not at:
                    raise
                coming.restart()  # more was left than there is
            except OSError as error:
                said = f"cannot be read: {error.strerror or error}"
                raise WeightsError(said, where=file.path) from error

    def _check_git(self, file: Listed, made: WeightFile) -> None:
        """Git's id of the content: what a hub names where it has no sha256."""
        hasher = hashlib.sha1(f"blob {made.size}\0".encode(), usedforsecurity=False)
        with self.store.read(made.digest) as stream:
            for data in chunks_of(stream):
                hasher.update(data)
        if hasher.hexdigest() != file.git:
            self.store.drop(made.digest)
            message = f"git's id {file.git} was named, and what came has {hasher.hexdigest()}"
            raise DigestMismatch(message, where=file.path)

    def _tell(self, file: Listed, state: State, done: int, note: str = "") -> None:
        total = done if state in ("known", "done") else file.size or 0
        self.tell(FileProgress(path=file.path, state=state, done=done, total=total, note=note))
