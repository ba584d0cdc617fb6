"""Layers' bytes, made smaller and back: gzip, zstd or none, piece by piece.

The same input gives the same bytes on every machine: no time, name, processor or number of
threads gets in. So gzip is made by libdeflate, which comes as a package with its own code: the
zlib of a Python may be zlib-ng, or another version, and ISA-L's bytes depend on the processor
(facts/builders.md, sections 2 and 5). ``recipe`` names the compressor, for the keys of caches.
Reading is another matter, as what comes out is the same: there ISA-L takes half of zlib's time.
"""

from __future__ import annotations

import importlib
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from itertools import chain
from typing import Any

from cogsmith.errors import InvalidLayer, OciError
from cogsmith.oci.media_types import Compression

__all__ = [
    "GZIP_HEADER",
    "GZIP_MEMBER",
    "compress",
    "crc32",
    "decompress",
    "detect",
    "gunzip_member",
    "gzip_member",
    "gzip_trailer",
    "inflate",
    "recipe",
]

# Of one member: deflate, no name, time 0, no hint of the level, system unknown (255), as
# programs in Go write it.
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
GZIP_LEVEL = 6  # 1 is twice as fast and an eighth larger; every pull pays for the size
# Bytes of input in one member of a stream: libdeflate takes its input whole. Larger ones save
# nothing (the window is 32 KiB), much smaller ones slow down some readers (unpigz).
GZIP_MEMBER = 1 << 20
LANES = 4  # members that are compressed at once
ZSTD_LEVEL = 3  # as fast as 1 in what counts here, and a sixth smaller

PIECE = 1 << 20  # the most that one step of decompression holds, in bytes

# What goes into a decompressor that cannot be told how much may come out. The worst block of
# zstd makes 128 KiB of 4 bytes, so one step holds 64 MiB at most.
SIP = 2048

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"  # after a byte from 50 to 5f: a frame of zstd that holds no data


def detect(head: bytes) -> Compression:
    """How these first bytes (four or more, if there are so many) say to be compressed.

    >>> detect(GZIP_HEADER)
    'gzip'
    """
    if head.startswith(_GZIP):
        return "gzip"
    skippable = head[:1] and head[0] & 0xF0 == 0x50 and head[1:4] == _SKIPPABLE
    return "zstd" if head.startswith(_ZSTD) or skippable else "none"


def recipe(compression: Compression) -> str:
    """What else the compressed bytes depend on: the compressor, its version and its level."""
    if compression == "gzip":
        return f"gzip-{GZIP_LEVEL}/{GZIP_MEMBER} libdeflate of deflate {_deflate().__version__}"
    if compression == "zstd":
        version = ".".join(map(str, _zstandard().ZSTD_VERSION))
        return f"zstd-{ZSTD_LEVEL} libzstd {version}"
    return "none"


def compress(pieces: Iterable[bytes], compression: Compression) -> Iterator[bytes]:
    """The same, compressed; memory stays flat."""
    if compression == "gzip":
        return _gzip(pieces)
    return _zstd(pieces) if compression == "zstd" else iter(pieces)


def decompress(pieces: Iterable[bytes], compression: Compression) -> Iterator[bytes]:
    """The same, uncompressed, in pieces of bounded size; several members or frames are one.

    Raises InvalidLayer for bytes that are not so compressed, or end too early.
    """
    if compression == "gzip":
        return _gunzip(pieces)
    return _unzstd(pieces) if compression == "zstd" else iter(pieces)


def gzip_member(data: bytes) -> bytes:
    """These bytes as a whole gzip stream, made in one step; streams one after another are one."""
    body = _deflate().deflate_compress(data, GZIP_LEVEL)
    return b"".join((GZIP_HEADER, body, gzip_trailer(crc32(data), len(data))))


def gunzip_member(data: bytes) -> bytes:
    """What a stream of one member holds, in one step: twice as fast as piece by piece.

    For members of known size that fit into memory. Raises InvalidLayer.
    """
    deflate = _deflate()
    try:
        found: bytes = deflate.gzip_decompress(data)
    except deflate.DeflateError as error:
        raise InvalidLayer(f"the gzip stream is broken: {error}") from error
    return found


def inflate(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What a deflate stream holds that has nothing around it, as zip files have it; in pieces.

    Raises InvalidLayer for a stream that is none, ends too early, or is not the end.
    """
    stream = _isal().decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in chain(pieces, (b"",)):
            data = stream.decompress(piece, PIECE)
            while data:  # the last piece is empty: what is still held comes out with it
                yield data
                data = b"" if stream.eof else stream.decompress(stream.unconsumed_tail, PIECE)
            if stream.eof and (stream.unused_data or stream.unconsumed_tail):
                raise InvalidLayer("goes on after the end of its deflate stream")
    except _isal().error as error:
        raise InvalidLayer(f"cannot be inflated: {error}") from error
    if not stream.eof:
        raise InvalidLayer("ends within its deflate stream")


def crc32(data: bytes, value: int = 0) -> int:
    """As ``zlib.crc32``, and several times as fast where ISA-L is there."""
    found: int = _isal().crc32(data, value)
    return found


def gzip_trailer(checksum: int, size: int) -> bytes:
    """The end of a gzip stream: CRC-32 and size of what it holds."""
    return checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")


def _gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Member by member, some at once; the only one of a short stream without any thread."""
    members = _cut(pieces, GZIP_MEMBER)
    first = next(members, b"")
    second = next(members, None)
    yield gzip_member(first)
    if second is None:
        return
    with ThreadPoolExecutor(LANES, "gzip") as pool:
        waiting: deque[Future[bytes]] = deque([pool.submit(gzip_member, second)])
        for member in members:
            waiting.append(pool.submit(gzip_member, member))
            if len(waiting) > LANES:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _cut(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of exactly this size, but for the last."""
    held: list[bytes] = []
    room = size
    for piece in pieces:
        at = 0
        while len(piece) - at >= room:
            held.append(piece[at : at + room])
            yield b"".join(held)
            at, held, room = at + room, [], size
        if at < len(piece):
            held.append(piece[at:])
            room -= len(piece) - at
    if held:
        yield b"".join(held)


def _zstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    frame = _zstandard().ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).compressobj()
    for piece in pieces:
        if made := frame.compress(piece):
            yield made
    yield frame.flush()


def _gunzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Member by member; what is left of a piece after a member is never more than the piece."""
    member = _Member()
    for piece in pieces:
        left = piece
        while left and not (member.ended and not member.begins_anew(left)):
            yield from member.inflate(left)
            left = member.rest
    if not member.ended:
        raise InvalidLayer("the gzip stream ends too early")


class _Member:
    """The member of a gzip stream that is being read, or the zeros after the last one."""

    def __init__(self) -> None:
        self._inflate = _isal().decompressobj(zlib.MAX_WBITS | 16)
        self.padding = False

    @property
    def ended(self) -> bool:
        return bool(self._inflate.eof)

    @property
    def rest(self) -> bytes:
        return bytes(self._inflate.unused_data)

    def begins_anew(self, piece: bytes) -> bool:
        """Whether a next member begins; zeros to the end may follow, as gzip allows."""
        if self.padding or piece[0] == 0:
            self.padding = True
            if piece.strip(b"\0"):
                raise InvalidLayer("other bytes follow the gzip stream")
            return False
        self._inflate = _isal().decompressobj(zlib.MAX_WBITS | 16)
        return True

    def inflate(self, piece: bytes) -> Iterator[bytes]:
        try:
            while True:
                yield self._inflate.decompress(piece, PIECE)
                piece = self._inflate.unconsumed_tail
                # A member that ends just where a step does: zlib names its rest in both places.
                if not piece or self.ended:
                    return
        except _isal().error as error:
            raise InvalidLayer(f"the gzip stream is broken: {error}") from error


def _unzstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    zstandard = _zstandard()
    decompressor = zstandard.ZstdDecompressor()
    frame = decompressor.decompressobj()
    try:
        for sip in _sips(pieces):
            left = sip
            while left:
                if frame.eof:
                    frame = decompressor.decompressobj()
                yield frame.decompress(left)
                left = frame.unused_data
    except zstandard.ZstdError as error:
        raise InvalidLayer(f"the zstd stream is broken: {error}") from error
    if not frame.eof:
        raise InvalidLayer("the zstd stream ends too early")


def _sips(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for start in range(0, len(piece), SIP):
            yield piece[start : start + SIP]


@cache
def _zstandard() -> Any:
    return _module("zstandard", "zstd", "install the package zstandard, or use gzip")


@cache
def _deflate() -> Any:
    return _module("deflate", "gzip", "install the package deflate, which holds libdeflate")


@cache
def _isal() -> Any:
    """The module zlib, or what does the same faster."""
    try:
        return importlib.import_module("isal.isal_zlib")
    except ImportError:  # there are packages of it for x86-64 and 64-bit ARM
        return zlib


def _module(name: str, what: str, hint: str) -> Any:
    """A module, imported when first asked for: no other command needs to wait for it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise OciError(f"{what} cannot be used here: {error}", hint=hint) from error
