"""The blobs of a layout: bytes by digest, that come whole or in pieces, and stay right.

A blob is written beside, made safe on the disk and renamed, so that what has a name is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_SH
from pathlib import Path
from typing import BinaryIO

from cogsmith.errors import DigestMismatch, NotInLayout, OciError
from cogsmith.oci.descriptor import Descriptor
from cogsmith.oci.digest import Digest, Hasher, chunks_of, verified
from cogsmith.oci.document import MAX_DOCUMENT
from cogsmith.oci.layer import Blob, Layer, pack
from cogsmith.oci.layout.disk import NewFile, locked, new_file, refusals
from cogsmith.oci.media_types import Compression

__all__ = ["Blobs", "Incoming"]


class Blobs:
    """Blobs in a folder. Raises OciError for what the disk refuses."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ingest = root / ".ingest"  # what has no name yet, and locks

    def path(self, digest: Digest) -> Path:
        """Where the blob of this name is, or would be."""
        return self.root / "blobs" / digest.algorithm / digest.hex

    def has(self, descriptor: Descriptor) -> bool:
        """Whether the blob is there, with the size that it must have."""
        with refusals(self.root):
            try:
                return self.path(descriptor.digest).stat().st_size == descriptor.size
            except (FileNotFoundError, NotADirectoryError):
                return False

    def open(self, descriptor: Descriptor) -> BinaryIO:
        """A stream of a blob's bytes, not checked: ``validate`` does. Raises NotInLayout."""
        with refusals(self.root):
            try:
                return self.path(descriptor.digest).open("rb")
            except FileNotFoundError:
                message = f"there is no blob {descriptor.digest} here"
                raise NotInLayout(message, where=str(self.root)) from None

    def blob(self, descriptor: Descriptor) -> Blob:
        """The blob as a value."""
        return Blob(descriptor=descriptor, open=lambda: self.open(descriptor))

    def document(self, descriptor: Descriptor) -> bytes:
        """The bytes of a document, checked. Raises NotInLayout, DigestMismatch."""
        if descriptor.size > MAX_DOCUMENT:
            message = f"{descriptor.digest} has {descriptor.size} bytes, of {MAX_DOCUMENT} allowed"
            raise OciError(message, where=str(self.root))
        file = self.open(descriptor)
        with verified(file, descriptor.digest, descriptor.size, where=str(self.root)) as stream:
            return stream.read()

    @contextmanager
    def session(self) -> Iterator[None]:
        """While it lasts, no ``prune`` takes away what is written or read here."""
        with locked(self.ingest / "session", LOCK_SH):
            yield

    def write(self, blob: Blob) -> None:
        """Keep a blob, unless it is there. Raises DigestMismatch where its bytes are others."""
        if self.has(blob.descriptor):
            return
        stream = verified(blob.open(), blob.digest, blob.size, where=str(self.root))
        with self.session(), stream, new_file(self.ingest) as file:
            for data in chunks_of(stream):
                file.write(data)
            file.publish(self.path(blob.digest))

    def layer(
        self, archive: Callable[[], Iterable[bytes]], compression: Compression = "gzip"
    ) -> Layer:
        """Make a layer of an archive and keep it, in one pass; hold ``session`` until it is named.

        The archive is what ``tar`` gives; it is asked for once.
        """
        return self.make(lambda write: pack(archive(), compression, write=write))

    def make(self, pack: Callable[[Callable[[bytes], object]], tuple[Descriptor, Digest]]) -> Layer:
        """Keep a layer whose bytes ``pack`` gives to a function, and whose names it answers."""
        with self.session(), new_file(self.ingest) as file:
            descriptor, diff_id = pack(file.write)
            file.publish(self.path(descriptor.digest))
        return Layer(descriptor=descriptor, diff_id=diff_id, open=lambda: self.open(descriptor))

    @contextmanager
    def incoming(self, descriptor: Descriptor) -> Iterator[Incoming]:
        """A blob that comes in pieces, and may go on where an earlier try ended.

        Who comes second for the same blob waits for the first. At the end the bytes are
        checked, and the blob is there. What is not whole stays for the next try; what is wrong
        goes, with DigestMismatch.
        """
        name = f"{descriptor.digest.algorithm}-{descriptor.digest.hex}"
        part = self.ingest / f"{name}.part"
        with self.session(), locked(self.ingest / f"{name}.lock"):
            with refusals(part):
                file = part.open("a+b")
            with file:
                coming = Incoming(NewFile(part, file), descriptor, whole=self.has(descriptor))
                try:
                    yield coming
                    if not coming.whole:
                        coming.check()
                        coming.file.publish(self.path(descriptor.digest))
                finally:
                    if coming.whole or coming.wrong:
                        part.unlink(missing_ok=True)


class Incoming:
    """A blob on its way in: ``size`` bytes are there; ``whole``: all are, and none is wanted."""

    def __init__(self, file: NewFile, descriptor: Descriptor, *, whole: bool) -> None:
        self.file, self.descriptor, self.whole = file, descriptor, whole
        self.wrong = False
        self._hasher = Hasher(descriptor.digest.algorithm)
        if not whole:
            self._resume()

    @property
    def size(self) -> int:
        """The number of bytes that are there."""
        return self._hasher.size

    def write(self, data: bytes) -> None:
        """Take the next bytes. Raises DigestMismatch for more than there are."""
        self._hasher.update(data)
        if self.size > self.descriptor.size:
            self.check()
        self.file.write(data)

    def restart(self) -> None:
        """Forget what is there: who sends does not go on where we ended."""
        with refusals(self.file.path):
            self.file.file.truncate(0)
        self._hasher = Hasher(self.descriptor.digest.algorithm)

    def check(self) -> None:
        """Raise DigestMismatch unless these are all the bytes and the right ones."""
        named, found = self.descriptor, self._hasher
        self.wrong = found.size >= named.size and found.digest != named.digest
        if found.size != named.size:
            raise DigestMismatch(f"{named.digest} has {named.size} bytes, and {found.size} came")
        if self.wrong:
            raise DigestMismatch(f"{named.digest} was named, and the bytes are {found.digest}")

    def _resume(self) -> None:
        with refusals(self.file.path):
            self.file.file.seek(0)
            for data in chunks_of(self.file.file):
                self._hasher.update(data)
        if self.size > self.descriptor.size:
            self.restart()
