"""Blobs and layers: bytes by name, and how to read them; and how a layer is made.

A layer that is made here is read and named in one pass: its archive is hashed, compressed, and
what comes out is hashed again. Nothing holds more than a piece of it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from typing import BinaryIO

from cogsmith.oci.compression import compress, decompress
from cogsmith.oci.descriptor import Descriptor
from cogsmith.oci.digest import Digest, Hasher, chunks_of, reader
from cogsmith.oci.media_types import Compression, compression_of, layer_type
from cogsmith.values import dataclass

__all__ = ["Blob", "Layer", "layer", "pack"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Bytes by name: what they are, and how to read them, as often as one likes.

    ``open`` gives a new binary stream from the beginning; whoever asks closes it. The bytes
    may come from a file or a registry, or be made on the way: only their name counts.
    """

    descriptor: Descriptor
    open: Callable[[], BinaryIO] = field(compare=False, repr=False)

    @classmethod
    def of(cls, data: bytes, media_type: str) -> Blob:
        """A blob that is in memory."""
        return Blob(descriptor=Descriptor.of(data, media_type), open=lambda: io.BytesIO(data))

    @property
    def digest(self) -> Digest:
        """The name of the bytes."""
        return self.descriptor.digest

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self.descriptor.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer(Blob):
    """A layer: a blob of a file system, and ``diff_id``, its name when it is not compressed."""

    diff_id: Digest

    def uncompressed(self) -> BinaryIO:
        """The archive: the layer's bytes, decompressed as its media type says."""
        return reader(self._archive())

    def _archive(self) -> Iterator[bytes]:
        with self.open() as stream:
            yield from decompress(chunks_of(stream), compression_of(self.descriptor.media_type))


def layer(archive: Callable[[], Iterable[bytes]], compression: Compression = "gzip") -> Layer:
    """The layer that an archive makes, at the price of making it once to know its names.

    Nothing is kept: whoever reads the layer calls ``archive`` again, which must give the same
    bytes. A layer that a registry has already is so never written anywhere.
    """
    descriptor, diff_id = pack(archive(), compression)
    return Layer(
        descriptor=descriptor,
        diff_id=diff_id,
        open=lambda: reader(compress(archive(), compression)),
    )


def pack(
    archive: Iterable[bytes],
    compression: Compression = "gzip",
    *,
    write: Callable[[bytes], object] | None = None,
) -> tuple[Descriptor, Digest]:
    """Compress an archive into ``write``; its descriptor and diff id, from the same pass."""
    inner, outer = Hasher(), Hasher()
    plain = compression == "none"  # then both names are one, and one is enough to hash
    for piece in compress(archive if plain else _hashed(archive, inner), compression):
        outer.update(piece)
        if write:
            write(piece)
    digest = outer.digest
    descriptor = Descriptor(media_type=layer_type(compression), digest=digest, size=outer.size)
    return descriptor, digest if plain else inner.digest


def _hashed(pieces: Iterable[bytes], hasher: Hasher) -> Iterator[bytes]:
    for piece in pieces:
        hasher.update(piece)
        yield piece
