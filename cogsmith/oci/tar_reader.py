"""Archives, read entry by entry, from anybody: ustar, pax and GNU's older extensions.

Python's own reader guesses and forgives; this one says what is wrong and where, holds one header
at a time, and takes an archive as programs in Go do, since those unpack it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Literal

from cogsmith.errors import InvalidLayer
from cogsmith.oci.tar_writer import BLOCK
from cogsmith.values import dataclass

__all__ = ["Kind", "Member", "TarReader"]

Kind = Literal["file", "hardlink", "symlink", "device", "directory", "fifo"]

MAX_EXTENSION = 1 << 20  # bytes of the records of one entry, as Go allows

_KINDS: dict[bytes, Kind] = {
    b"0": "file", b"\0": "file", b"7": "file", b"1": "hardlink", b"2": "symlink",
    b"3": "device", b"4": "device", b"5": "directory", b"6": "fifo",
}  # fmt: skip
_LONG = {b"L": "path", b"K": "linkpath"}  # GNU's older way of long names
_OVERRIDES = {"path", "linkpath", "size", "uid", "gid", "mtime"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An entry of an archive as it stands there; what is no UTF-8 in names is kept escaped."""

    path: str
    kind: Kind
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    target: str = ""


class TarReader:
    """Iterates over an archive's members; ``content`` has the bytes of the current one.

    Raises InvalidLayer, with the offset in bytes, for what is no archive. ``rest`` reads what
    follows the archive's end, to the end of the stream, and says whether it is all zeros.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._offset = 0
        self._left = 0  # bytes of the current member's content
        self._padding = 0

    def __iter__(self) -> Iterator[Member]:
        records: dict[str, str] = {}
        while block := self._next_header():
            kind = block[156:157]
            if kind in _LONG:
                records[_LONG[kind]] = self._extension(block).rstrip(b"\0").decode(*_NAMES)
            elif kind in (b"x", b"g"):
                found = self._records(self._extension(block))
                if kind == b"x":
                    records.update(found)
                elif found.keys() & _OVERRIDES:
                    raise self._wrong("names entries in a record that is for all of them")
            else:
                yield self._member(block, records)
                records = {}
        if records:
            raise self._wrong("ends with a record that is for no entry")

    def content(self, size: int = 1 << 20) -> Iterator[bytes]:
        """The bytes of the current member that have not been read, in pieces."""
        while self._left:
            data = self._read(min(size, self._left))
            self._left -= len(data)
            yield data

    def rest(self) -> bool:
        """Read to the end of the stream; whether only zeros followed."""
        clean = True
        while data := self._stream.read(1 << 20):
            clean = clean and not data.strip(b"\0")
        return clean

    def _next_header(self) -> bytes:
        for _ in self.content():
            pass
        self._read(self._padding)
        self._padding = 0
        block = self._stream.read(BLOCK)
        if not block:
            return b""  # without its two last blocks: everybody takes that
        block += self._stream.read(BLOCK - len(block)) if len(block) < BLOCK else b""
        self._offset += len(block)
        if len(block) < BLOCK:
            raise self._wrong("ends within a header")
        if not any(block):
            return b""
        self._check(block)
        return block

    def _check(self, block: bytes) -> None:
        stated = self._number(block[148:156], "checksum")
        rest = block[:148] + b" " * 8 + block[156:]
        if sum(rest) != stated and sum(b - 256 if b > 127 else b for b in rest) != stated:
            raise self._wrong("has a header whose checksum is another: it is no archive, or broken")

    def _read(self, size: int) -> bytes:
        data = self._stream.read(size) if size else b""
        while len(data) < size:
            more = self._stream.read(size - len(data))
            if not more:
                raise self._wrong(f"ends {size - len(data)} bytes before an entry does")
            data += more
        self._offset += size
        return data

    def _extension(self, block: bytes) -> bytes:
        size = self._number(block[124:136], "size")
        if size > MAX_EXTENSION:
            raise self._wrong(f"has records of {size} bytes, of {MAX_EXTENSION} allowed")
        data = self._read(size)
        self._read(-size % BLOCK)
        return data

    def _records(self, data: bytes) -> dict[str, str]:
        found: dict[str, str] = {}
        while data:
            length, space, _ = data.partition(b" ")
            if not space or not length.isdigit() or len(length) > 8:
                raise self._wrong("has a pax record without a length")
            record, data = data[len(length) + 1 : int(length)], data[int(length) :]
            name, equals, value = record.partition(b"=")
            if int(length) <= len(length) or not equals or not value.endswith(b"\n"):
                raise self._wrong("has a pax record that is none")
            key = name.decode(*_NAMES)
            if key.startswith("GNU.sparse"):
                raise self._wrong("has a sparse file: layers may not")
            if len(value) > 1:  # an empty one takes back what an earlier one said
                found[key] = value[:-1].decode(*_NAMES)
        return found

    def _member(self, block: bytes, records: dict[str, str]) -> Member:
        kind = _KINDS.get(block[156:157])
        if kind is None:
            raise self._wrong(f"has an entry of the type {block[156:157]!r}, which layers may not")
        path = records.get("path") or _name(block)
        if kind == "file" and path.endswith("/"):
            kind = "directory"  # archives from before there was a type for it
        size = self._recorded(records, "size", block[124:136])
        member = Member(
            path=path,
            kind=kind,
            mode=self._number(block[100:108], "mode") & 0o7777,
            uid=self._recorded(records, "uid", block[108:116]),
            gid=self._recorded(records, "gid", block[116:124]),
            size=size if kind == "file" else 0,
            mtime=self._time(records, block),
            target=records.get("linkpath") or _text(block[157:257]),
        )
        self._left, self._padding = member.size, -member.size % BLOCK
        return member

    def _recorded(self, records: dict[str, str], name: str, field: bytes) -> int:
        if name not in records:
            return self._number(field, name)
        text = records[name]
        if not (text.isascii() and text.isdecimal() and len(text) < 20):
            raise self._wrong(f"has {name}={text[:40]!r} in a record")
        return int(text)

    def _time(self, records: dict[str, str], block: bytes) -> int:
        if "mtime" not in records:
            return self._number(block[136:148], "mtime")
        whole = records["mtime"].partition(".")[0].removeprefix("-")
        if not (whole.isascii() and whole.isdecimal() and len(whole) < 20):
            raise self._wrong(f"has mtime={records['mtime'][:40]!r} in a record")
        return int(whole) if not records["mtime"].startswith("-") else -int(whole)

    def _number(self, field: bytes, name: str) -> int:
        if field[0] & 0x80:  # GNU's way of large numbers: base 256, its first bit says so
            number = int.from_bytes(field, "big", signed=True)
            if field[0] != 0xFF:
                number += 1 << (8 * len(field) - 1)
            if number >= 1 << 63 or (number < 0 and name != "mtime"):
                raise self._wrong(f"has a {name} below 0 or beyond 2^63")
            return number
        digits = field.strip(b" \0")
        if digits.strip(b"01234567"):
            raise self._wrong(f"has a {name} that is no octal number: {digits[:12]!r}")
        return int(digits or b"0", 8)

    def _wrong(self, message: str) -> InvalidLayer:
        return InvalidLayer(f"the archive {message} (byte {self._offset})")


_NAMES = ("utf-8", "surrogateescape")


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(*_NAMES)


def _name(block: bytes) -> str:
    name = _text(block[:100])
    if block[257:263] == b"ustar\0" and (prefix := _text(block[345:500])):
        return f"{prefix}/{name}"
    return name
