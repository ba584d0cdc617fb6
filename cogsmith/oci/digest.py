"""Digests: the names of content, and the streams that give or check them."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from cogsmith.errors import DigestMismatch, InvalidDigest
from cogsmith.values import dataclass

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["CHUNK", "Digest", "Hasher", "chunks_of", "reader", "verified"]

CHUNK = 1 << 20  # bytes read at a time: large enough that hashing is not the loop around it

# The algorithms that the image spec registers and every registry takes, and their lengths.
LENGTHS = {"sha256": 64, "sha512": 128}

_HEX = re.compile(r"[0-9a-f]+")
_HINT = "a digest is sha256: and 64 characters of 0-9a-f, or sha512: and 128"


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """The name of content: an algorithm and a hash, checked when made.

    >>> str(Digest.of(b""))[:20]
    'sha256:e3b0c44298fc1'
    """

    algorithm: str
    hex: str

    def __post_init__(self) -> None:
        length = LENGTHS.get(self.algorithm)
        if length is None:
            known = " and ".join(LENGTHS)
            message = (
                f"{self._shown()}: the algorithm {self.algorithm[:40]!r} is not one of {known}"
            )
            raise InvalidDigest(message, hint=_HINT)
        if len(self.hex) != length:
            message = (
                f"{self._shown()}: {self.algorithm} has {length} characters, not {len(self.hex)}"
            )
            raise InvalidDigest(message, hint=_HINT)
        if not _HEX.fullmatch(self.hex):
            wrong = next(c for c in self.hex if c not in "0123456789abcdef")
            raise InvalidDigest(f"{self._shown()}: {wrong!r} is not one of 0-9a-f", hint=_HINT)

    def _shown(self) -> str:
        text = f"{self.algorithm}:{self.hex}"
        return repr(text if len(text) <= 80 else f"{text[:77]}...")

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read ``algorithm:hex``. Raises InvalidDigest."""
        algorithm, colon, rest = text.partition(":")
        if not colon:
            raise InvalidDigest(f"{text[:80]!r} is not a digest: it has no colon", hint=_HINT)
        return cls(algorithm, rest)

    @classmethod
    def of(cls, data: Buffer, algorithm: str = "sha256") -> Digest:
        """The digest of these bytes."""
        hasher = Hasher(algorithm)
        hasher.update(data)
        return hasher.digest

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"

    @property
    def short(self) -> str:
        """Twelve characters, for people: enough to tell the blobs of one machine apart."""
        return self.hex[:12]


class Hasher:
    """Bytes pass, and at any time their digest and number are known."""

    def __init__(self, algorithm: str = "sha256") -> None:
        if algorithm not in LENGTHS:
            raise InvalidDigest(
                f"{algorithm[:40]!r} is not one of {', '.join(LENGTHS)}", hint=_HINT
            )
        self.algorithm = algorithm
        self.size = 0
        self._hash = hashlib.new(algorithm, usedforsecurity=False)

    def update(self, data: Buffer) -> None:
        """Take more bytes."""
        self._hash.update(data)
        self.size += len(memoryview(data).cast("B"))

    @property
    def digest(self) -> Digest:
        """The digest of what has passed so far."""
        return Digest(self.algorithm, self._hash.hexdigest())


def chunks_of(stream: BinaryIO, size: int = CHUNK) -> Iterator[bytes]:
    """What a stream gives, in pieces of at most so many bytes."""
    while data := stream.read(size):
        yield data


def reader(chunks: Iterable[bytes]) -> BinaryIO:
    """A binary stream to read from, made of pieces that come one after the other."""
    return io.BufferedReader(_Chunks(chunks), CHUNK)


class _Chunks(io.RawIOBase):
    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, target: Buffer) -> int:
        while not self._left:
            data = next(self._chunks, None)
            if data is None:
                return 0
            self._left = memoryview(data)
        room = memoryview(target).cast("B")
        count = min(len(room), len(self._left))
        room[:count], self._left = self._left[:count], self._left[count:]
        return count

    def close(self) -> None:
        stop = getattr(self._chunks, "close", None)
        if stop is not None and not self.closed:
            stop()
        super().close()


def verified(stream: BinaryIO, digest: Digest, size: int, *, where: str = "") -> BinaryIO:
    """The same bytes, checked as they pass.

    Reading raises DigestMismatch at the byte beyond ``size``, or at the end where the number
    or the digest differ; so whoever has read to the end holds the bytes that were named.
    Closing the answer closes the stream.
    """
    return reader(_checked(stream, digest, size, where))


def _checked(stream: BinaryIO, digest: Digest, size: int, where: str) -> Iterator[bytes]:
    hasher = Hasher(digest.algorithm)
    held = b""  # the last piece is handed on when all is known to be right
    with stream:
        for data in chunks_of(stream):
            yield held
            hasher.update(data)
            if hasher.size > size:
                message = f"{digest} has {size} bytes, and more than that come"
                raise DigestMismatch(message, where=where)
            held = data
    if hasher.size != size:
        message = f"{digest} has {size} bytes, and only {hasher.size} came"
        raise DigestMismatch(message, where=where)
    if hasher.digest != digest:
        message = f"{digest} was named, and the bytes are {hasher.digest}"
        raise DigestMismatch(message, where=where)
    yield held
