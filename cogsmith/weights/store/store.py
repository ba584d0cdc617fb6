"""The store: files by their sha256, shared by all projects, where Cog keeps its own.

``files/sha256/ab/abcd...`` holds the files, as in Cog's cache; ``incoming`` what is not whole, and
``known`` short notes: which digest a file of a source had, and which layer files make. A note may
be lost at any time. Whoever is killed leaves nothing that is taken for whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from cogsmith.errors import DigestMismatch, WeightsError
from cogsmith.oci import Digest, Hasher, chunks_of
from cogsmith.weights.files import WeightFile
from cogsmith.weights.store.disk import owned, publish, refusals, replaced

__all__ = ["Incoming", "Store"]


class Store:
    """Files by digest in a folder. Raises WeightsError, code ``disk``, where the disk refuses."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, digest: Digest) -> Path:
        """Where the file of this name is, or would be."""
        return self.root / "files" / digest.algorithm / digest.hex[:2] / digest.hex

    def has(self, file: WeightFile) -> bool:
        """Whether the file is there, whole."""
        with refusals(self.root):
            try:
                return self.path(file.digest).stat().st_size == file.size
            except (FileNotFoundError, NotADirectoryError):
                return False

    def missing(self, files: Iterable[WeightFile]) -> tuple[WeightFile, ...]:
        """Those of the files that are not there."""
        return tuple(file for file in files if not self.has(file))

    def read(self, digest: Digest) -> BinaryIO:
        """A stream of a file's bytes. Raises WeightsError when it is not there."""
        path = self.path(digest)
        with refusals(path):
            return path.open("rb")

    def drop(self, digest: Digest) -> None:
        """Take a file out of the store."""
        with refusals(self.root):
            self.path(digest).unlink(missing_ok=True)

    @contextmanager
    def incoming(self, name: str) -> Iterator[Incoming]:
        """A file on its way in, under a name of its own; what an earlier try left goes on.

        Who comes second for the same name waits for the first. It is in the store after ``keep``;
        without, what came stays for the next try.
        """
        key = hashlib.sha256(name.encode()).hexdigest()
        part = self.root / "incoming" / f"{key}.part"
        with owned(part) as file:
            yield Incoming(self, part, file)

    def known(self, kind: str, key: str) -> Mapping[str, Any] | None:
        """What was noted under a key, None when nothing was, or it cannot be read."""
        try:
            found = json.loads(self._note(kind, key).read_bytes())
        except (OSError, ValueError):
            return None
        return found["note"] if isinstance(found, dict) and found.get("key") == key else None

    def note(self, kind: str, key: str, note: Mapping[str, Any]) -> None:
        """Remember something under a key."""
        replaced(self._note(kind, key), json.dumps({"key": key, "note": note}).encode())

    def known_file(self, path: str, key: str) -> WeightFile | None:
        """The file that a source had under a key, with the path that it has now."""
        found = self.known("files", key)
        try:
            return WeightFile(path, found["size"], Digest.parse(found["digest"])) if found else None
        except (KeyError, TypeError):
            return None

    def note_file(self, key: str, file: WeightFile) -> None:
        """Remember which file a source has under a key."""
        self.note("files", key, {"size": file.size, "digest": str(file.digest)})

    def _note(self, kind: str, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        return self.root / "known" / kind / name[:2] / name


class Incoming:
    """Bytes that become a file of the store: ``size`` of them are there."""

    def __init__(self, store: Store, part: Path, file: BinaryIO) -> None:
        self._store, self._part, self._file = store, part, file
        self._hasher = Hasher()
        with refusals(part):
            file.seek(0)
            for data in chunks_of(file):
                self._hasher.update(data)

    @property
    def size(self) -> int:
        """The number of bytes that are there."""
        return self._hasher.size

    @property
    def digest(self) -> Digest:
        """The digest of the bytes that are there."""
        return self._hasher.digest

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        with refusals(self._part):
            self._file.write(data)
        self._hasher.update(data)

    def restart(self) -> None:
        """Forget what is there."""
        with refusals(self._part):
            self._file.truncate(0)
        self._hasher = Hasher()

    def keep(
        self, path: str, *, size: int | None = None, digest: Digest | None = None
    ) -> WeightFile:
        """Put the bytes into the store; what they are, under the path that the caller has for them.

        Raises DigestMismatch when they are not those that were named; then they are gone.
        """
        made = WeightFile(path, self.size, self.digest)
        wrong = size not in (None, made.size) or digest not in (None, made.digest)
        if wrong:
            self.restart()
            named = f"{digest or 'a file'} with {made.size if size is None else size} bytes"
            message = f"{named} was named, and what came is {made.digest} with {made.size} bytes"
            raise DigestMismatch(message, where=path)
        with refusals(self._part):
            self._file.flush()
        if self._store.has(made):
            with refusals(self._part):
                self._part.unlink(missing_ok=True)
        else:
            publish(self._part, self._store.path(made.digest))
        return made

    def fill(self, pieces: Iterable[bytes], tell: Callable[[int], None]) -> None:
        """Take all pieces; ``tell`` hears how many bytes are there."""
        for data in pieces:
            self.write(data)
            tell(self.size)


def missing_message(weight: str, files: Iterable[WeightFile]) -> WeightsError:
    """What to say when files of a weight are not in the store."""
    paths = [file.path for file in files]
    some = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    return WeightsError(
        f'weight "{weight}" is not fully cached locally (missing {some})',
        hint="run `cogsmith weights pull` first",
    )
