"""Debian packages, read: an ar archive of two tar archives (deb(5))."""

from __future__ import annotations

import lzma
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from cogsmith.errors import InvalidLayer, SystemPackageError
from cogsmith.oci import CHUNK, TarReader, decompress, reader

__all__ = ["control_files", "data"]

_MAGIC = b"!<arch>\n"
_HEADER = 60


def control_files(stream: BinaryIO, where: str) -> dict[str, bytes]:
    """What a package says of itself: ``control``, its scripts, ``md5sums``, ``conffiles``.

    Raises SystemPackageError for what is no package.
    """
    archive = TarReader(_member(stream, "control.tar", where))
    found = {}
    try:
        for member in archive:
            if member.kind == "file":
                found[member.path.removeprefix("./")] = b"".join(archive.content())
    except (InvalidLayer, lzma.LZMAError) as error:
        raise SystemPackageError(f"is broken: {error}", where=where) from error
    return found


def data(stream: BinaryIO, where: str) -> TarReader:
    """A package's files. Raises SystemPackageError for what is no package."""
    return TarReader(_member(stream, "data.tar", where))


def _member(stream: BinaryIO, name: str, where: str) -> BinaryIO:
    if stream.read(len(_MAGIC)) != _MAGIC:
        raise SystemPackageError("is no Debian package", where=where)
    while len(header := stream.read(_HEADER)) == _HEADER:
        title = header[:16].decode("ascii", "replace").strip().rstrip("/")
        digits = header[48:58].strip()
        if header[58:] != b"`\n" or not digits.isdigit():
            break
        size = int(digits)
        if title.partition(".tar")[0] + ".tar" == name:
            return reader(_plain(_take(stream, size), title, where))
        stream.seek(size + size % 2, 1)
    raise SystemPackageError(f"is broken: it has no {name}", where=where)


def _take(stream: BinaryIO, size: int) -> Iterator[bytes]:
    while size and (piece := stream.read(min(CHUNK, size))):
        size -= len(piece)
        yield piece


def _plain(pieces: Iterable[bytes], title: str, where: str) -> Iterator[bytes]:
    end = title.rpartition(".")[2]
    if end in ("gz", "zst", "tar"):
        return decompress(pieces, {"gz": "gzip", "zst": "zstd", "tar": "none"}[end])  # type: ignore[arg-type]
    if end == "xz":
        return _unxz(pieces)
    raise SystemPackageError(f"is compressed in a way that is not known here: {title}", where=where)


def _unxz(pieces: Iterable[bytes]) -> Iterator[bytes]:
    frame = lzma.LZMADecompressor(lzma.FORMAT_XZ)
    for piece in pieces:
        left = piece
        while left or not (frame.needs_input or frame.eof):
            yield frame.decompress(left, CHUNK)
            left = b""
    if not frame.eof:
        raise InvalidLayer("the xz stream ends too early")
