"""What becomes of layers that Docker made: who owns what lies in the home, and old byte code."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from cogsmith.errors import InvalidLayer
from cogsmith.oci import CHUNK

__all__ = ["Sources", "given"]

BLOCK = 512
_PATH, _UID, _GID, _SIZE, _SUM = (
    slice(0, 100), slice(108, 116), slice(116, 124), slice(124, 136), slice(148, 156),
)  # fmt: skip
_PREFIX = slice(345, 500)


def given(stream: BinaryIO, home: tuple[str, int, int]) -> Iterator[bytes]:
    """An archive in which what lies below a folder and was root's belongs to somebody else.

    Steps run as root, with the home of the model's user, and the model writes to it later
    (caches). Nothing else is touched, so that what no reader of archives understands stays.
    """
    folder, uid, gid = home
    told: dict[bytes, bytes] = {}
    while len(block := stream.read(BLOCK)) == BLOCK:
        kind = block[156:157]
        if kind in (b"x", b"g", b"L", b"K"):
            data = _exactly(stream, _padded(_number(block[_SIZE])))
            told |= _records(kind, data, _number(block[_SIZE]))
            yield block + data
            continue
        path = told.get(b"path") or _name(block)
        size = int(told.get(b"size", b"0")) or _number(block[_SIZE])
        below = path.decode("utf-8", "replace").strip("/").removeprefix("./")
        yield _owned(block, uid, gid) if below.startswith(f"{folder}/") else block
        told = {}
        left = _padded(size) if kind in (b"0", b"\0", b"7") else 0
        while left:
            data = _exactly(stream, min(left, CHUNK))
            left -= len(data)
            yield data


def _owned(block: bytes, uid: int, gid: int) -> bytes:
    """The header with another owner, where the owner is root."""
    if _number(block[_UID]):
        return block
    made = bytearray(block)
    made[_UID], made[_GID] = f"{uid:07o}\0".encode(), f"{gid:07o}\0".encode()
    made[265:329] = bytes(64)  # the names of user and group
    made[_SUM] = b" " * 8
    made[_SUM] = f"{sum(made):06o}\0 ".encode()
    return bytes(made)


def _name(block: bytes) -> bytes:
    name, prefix = (block[part].rstrip(b"\0") for part in (_PATH, _PREFIX))
    posix = block[257:263] == b"ustar\0"  # GNU's headers have times in the prefix's place
    return prefix + b"/" + name if posix and prefix else name


def _number(field: bytes) -> int:
    """A number in octal, or in base 256 where it is large (GNU)."""
    if field[:1] >= b"\x80":
        return int.from_bytes(field[1:], "big")
    try:
        return int(field.strip(b"\0 ") or b"0", 8)
    except ValueError as error:
        raise InvalidLayer("a layer that Docker made has a header without numbers") from error


def _records(kind: bytes, data: bytes, size: int) -> dict[bytes, bytes]:
    """The path and the size that an extension gives to the next entry."""
    if kind == b"L":
        return {b"path": data[:size].rstrip(b"\0")}
    found: dict[bytes, bytes] = {}
    rest = data[:size] if kind == b"x" else b""
    while rest:
        length, _, _ = rest.partition(b" ")
        if not length.isdigit() or not int(length):
            break
        name, _, value = rest[: int(length)].partition(b" ")[2].rstrip(b"\n").partition(b"=")
        if name in (b"path", b"size"):
            found[name] = value
        rest = rest[int(length) :]
    return found


def _padded(size: int) -> int:
    return size + -size % BLOCK


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise InvalidLayer("a layer that Docker made ends too early")
    return data


class Sources:
    """The sources below a folder that layers changed, and whose byte code they left.

    Byte code of ours is not checked against its source when it is loaded (``bytecode``). So a
    source that a step has changed gets an empty file in its place, from which Python turns to
    the source.
    """

    def __init__(self, site: str, python: str) -> None:
        self._site, self._tag = f"{site}/", f"cpython-{python.replace('.', '')}"
        self._changed: dict[str, None] = {}

    def lay(self, paths: Iterable[str]) -> None:
        """Take one more layer's paths in, without a slash before them."""
        there = {path for path in paths if path.startswith(self._site)}
        sources = (path for path in there if path.endswith(".py"))
        self._changed |= dict.fromkeys(map(self._code, sources))
        for path in there:
            self._changed.pop(path, None)

    @property
    def stale(self) -> tuple[str, ...]:
        """The paths of the byte code that is older than its source."""
        return tuple(sorted(self._changed))

    def _code(self, path: str) -> str:
        folder, name = posixpath.split(path)
        return f"{folder}/__pycache__/{name.removesuffix('.py')}.{self._tag}.pyc"
