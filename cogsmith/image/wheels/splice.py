"""A layer made of gzip members, where large files of wheels keep the form that they have.

A file in a wheel is a raw deflate stream, and the wheel's index knows the CRC-32 and the size of
what it holds: with ten bytes before it and eight behind, it is a member of a gzip stream. So the
bulk of a layer is copied, not compressed; what is between (headers, padding, small files) is
packed in runs. Splicing small files too would make the layer larger and its readers slower
(facts/builders.md, section 5).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from cogsmith.image.recipe import Write
from cogsmith.image.wheels.archive import DEFLATED, Archive, Member
from cogsmith.image.wheels.record import encoded
from cogsmith.image.wheels.spread import Placed
from cogsmith.oci import (
    GZIP_HEADER,
    GZIP_MEMBER,
    Descriptor,
    Digest,
    Hasher,
    gzip_member,
    gzip_trailer,
    media_types,
)

__all__ = ["SPLICED", "Splicer", "contents"]

SPLICED = 1 << 15  # bytes from which on a compressed file of a wheel is kept as it is


class Splicer:
    """Takes a layer's archive in its order, and writes the layer; holds about a member of it."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._inner, self._outer = Hasher(), Hasher()
        self._held: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> None:
        """Append bytes of the archive."""
        self._held.append(data)
        self._size += len(data)
        if self._size >= GZIP_MEMBER:
            self._flush()

    def add_file(self, archive: Archive, file: Placed) -> None:
        """Append a file of a wheel. Raises InstallError where it is not what the wheel says."""
        member = file.source
        if isinstance(member, Member) and member.method == DEFLATED and member.size >= SPLICED:
            self._splice(archive, file, member)
        else:
            for piece in contents(archive, file):
                self.add(piece)

    def finish(self) -> tuple[Descriptor, Digest]:
        """The end: what was written, and the diff id."""
        self._flush()
        digest, size = self._outer.digest, self._outer.size
        gzip = media_types.layer_type("gzip")
        return Descriptor(media_type=gzip, digest=digest, size=size), self._inner.digest

    def _splice(self, archive: Archive, file: Placed, member: Member) -> None:
        self._flush()
        pieces = self._whole if member.whole else self._long
        for piece in checked(pieces(archive, member), archive, member, file.hash):
            self._inner.update(piece)

    def _whole(self, archive: Archive, member: Member) -> Iterator[bytes]:
        stream, data = archive.stream(member)
        self._out(stream)
        yield data

    def _long(self, archive: Archive, member: Member) -> Iterator[bytes]:
        self._out(GZIP_HEADER)
        yield from archive.plain(member, self._copied(archive.raw(member)))
        self._out(gzip_trailer(member.crc, member.size))

    def _copied(self, raw: Iterable[bytes]) -> Iterator[bytes]:
        for piece in raw:
            self._out(piece)
            yield piece

    def _flush(self) -> None:
        if not self._held:
            return
        data = b"".join(self._held)
        self._held, self._size = [], 0
        self._inner.update(data)
        for at in range(0, len(data), GZIP_MEMBER):
            self._out(gzip_member(data[at : at + GZIP_MEMBER]))

    def _out(self, data: bytes) -> None:
        self._outer.update(data)
        self._write(data)


def contents(archive: Archive, file: Placed) -> Iterator[bytes]:
    """The bytes of a file in pieces, checked."""
    member = file.source
    if isinstance(member, bytes):
        return iter((member,))
    return checked(archive.contents(member), archive, member, file.hash)


def checked(
    pieces: Iterable[bytes], archive: Archive, member: Member, hash_: str
) -> Iterator[bytes]:
    """The same bytes; raises InstallError at their end unless they have the hash of RECORD."""
    algorithm, _, named = hash_.partition("=")
    if not algorithm:
        yield from pieces
        return
    hasher = hashlib.new(algorithm, usedforsecurity=False)
    for piece in pieces:
        hasher.update(piece)
        yield piece
    if (found := encoded(hasher.digest())) != named.rstrip("="):
        message = f"has the {algorithm} {found}, and the wheel's RECORD says {named}"
        raise archive.wrong(member, message)
