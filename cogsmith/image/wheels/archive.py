"""A wheel as a zip file: its index, and its members' bytes as they lie there or inflated.

The central directory alone is believed: it knows sizes and checksums where local headers leave
them to a data descriptor, and 64-bit values. Every member that is read to its end has the size
and the CRC-32 that stand there.
"""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from lzma import LZMAError
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import BinaryIO

from cogsmith.environment import Wheel
from cogsmith.errors import InstallError, InvalidLayer, Problem
from cogsmith.oci import GZIP_HEADER, crc32, gunzip_member, gzip_trailer, inflate
from cogsmith.values import dataclass

__all__ = ["DEFLATED", "Archive", "Member"]

STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
METHODS = {STORED, DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
PIECE = 1 << 18  # bytes read at a time
WHOLE = 1 << 23  # bytes of a member that are held at once, at most
MAX_PROBLEMS = 20  # told of one wheel

_ENCRYPTED = 0x1
EXTRA = 64  # bytes
_LOCAL = struct.Struct("<4s22xHH")  # signature, lengths of name and extra field (APPNOTE 4.3.7)
_SIGNATURE = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a wheel, as the index has it; ``packed`` is its size in the archive, in bytes."""

    name: str
    method: int
    crc: int
    size: int
    packed: int
    offset: int
    executable: bool

    @property
    def whole(self) -> bool:
        """Whether it is deflated, and small enough to be inflated in one step."""
        return self.method == DEFLATED and 0 < self.size <= WHOLE


class Archive:
    """An open wheel: ``members`` by name, folders left out. Close it, or use it in a ``with``.

    Not for several threads at once: each opens its own. Raises InstallError, naming wheel and
    member, for what is no zip file or has what no wheel may have.
    """

    def __init__(self, wheel: Wheel) -> None:
        self.wheel = wheel
        try:
            self._file = wheel.path.open("rb")
        except OSError as error:
            raise _unreadable(wheel.filename, error) from error
        try:
            self.members = _members(self._file, wheel)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Archive:  # noqa: PYI034 - Self is of Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def wrong(self, member: Member, message: str) -> InstallError:
        """An error about a member, to be raised."""
        return InstallError(message, where=f"{self.wheel.filename}: {member.name}")

    def read(self, member: Member) -> bytes:
        """The bytes of a member that is small enough to be in memory."""
        return b"".join(self.contents(member))

    def contents(self, member: Member) -> Iterator[bytes]:
        """The bytes of a member in pieces, checked; at once where it is ``whole``."""
        if member.whole:
            _, data = self.stream(member)
            yield data
        else:
            yield from self.plain(member, self.raw(member))

    def stream(self, member: Member) -> tuple[bytes, bytes]:
        """A ``whole`` member as a gzip stream of its own, and what that holds."""
        raw = tuple(self.raw(member))
        stream = b"".join((GZIP_HEADER, *raw, gzip_trailer(member.crc, member.size)))
        try:
            return stream, gunzip_member(stream)
        except InvalidLayer:
            return stream, b"".join(self.plain(member, raw))  # the slow way says what is wrong

    def raw(self, member: Member) -> Iterator[bytes]:
        """The member's bytes as they lie in the archive, in pieces."""
        left, at = member.packed, member.offset
        try:
            # One reading for most members: the extra field here is seldom longer than this.
            ahead = _LOCAL.size + len(member.name.encode()) + EXTRA
            data = os.pread(self._file.fileno(), ahead + min(left, PIECE), at)
            signature, name, extra = _LOCAL.unpack(data[: _LOCAL.size].ljust(_LOCAL.size, b"\0"))
            if signature != _SIGNATURE:
                raise self.wrong(member, "does not lie where the wheel's index says")
            head = _LOCAL.size + name + extra
            data, at = data[head : head + left], at + head
            while left:
                data = data or os.pread(self._file.fileno(), min(left, PIECE), at)
                if not data:
                    raise self.wrong(member, "ends too early: the wheel was cut off")
                yield data
                left, at, data = left - len(data), at + len(data), b""
        except OSError as error:
            raise self.wrong(member, f"cannot be read: {error.strerror or error}") from error

    def plain(self, member: Member, raw: Iterable[bytes]) -> Iterator[bytes]:
        """The member's bytes in pieces; ``raw`` is what lies in the archive, as ``raw`` gave it."""
        pieces = self._inflated(member, raw) if member.method == DEFLATED else raw
        if member.method not in (DEFLATED, STORED):
            pieces = self._unpacked(member)
        size = checksum = 0
        for piece in pieces:
            size += len(piece)
            if size > member.size:
                break
            checksum = crc32(piece, checksum)
            yield piece
        if size != member.size:
            how = "more" if size > member.size else "fewer"
            raise self.wrong(member, f"has {how} bytes than the {member.size} of the wheel's index")
        if checksum != member.crc:
            message = f"has the CRC {checksum:08x}, and the wheel's index says {member.crc:08x}"
            raise self.wrong(member, message)

    def _inflated(self, member: Member, raw: Iterable[bytes]) -> Iterator[bytes]:
        try:
            yield from inflate(raw)
        except InvalidLayer as error:
            raise self.wrong(member, error.message) from error

    def _unpacked(self, member: Member) -> Iterator[bytes]:
        """By a method that is rare in wheels: bzip2, LZMA."""
        try:
            with zipfile.ZipFile(self.wheel.path) as archive, archive.open(member.name) as file:
                while data := file.read(PIECE):
                    yield data
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, LZMAError) as error:
            raise self.wrong(member, f"cannot be unpacked: {error}") from error


def _members(file: BinaryIO, wheel: Wheel) -> Mapping[str, Member]:
    """The index of a wheel: read once, as its layer, its byte code and others ask for it."""
    seen = os.fstat(file.fileno())
    return _index(wheel.filename, wheel.path, (seen.st_ino, seen.st_size, seen.st_mtime_ns))


@lru_cache(maxsize=512)
def _index(where: str, path: Path, seen: tuple[int, ...]) -> Mapping[str, Member]:  # noqa: ARG001
    try:
        with zipfile.ZipFile(path) as archive:
            return MappingProxyType(_checked(archive, where))
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise _unreadable(where, error) from error


def _unreadable(where: str, error: Exception) -> InstallError:
    hint = "remove it from the cache of wheels, so that it is fetched again"
    return InstallError(f"cannot be read as a wheel: {error}", where=where, hint=hint)


def _checked(archive: zipfile.ZipFile, where: str) -> dict[str, Member]:
    found: dict[str, Member] = {}
    folded: dict[str, str] = {}
    problems: list[Problem] = []
    for info in archive.infolist():
        wrong = _wrong(info)
        name = info.orig_filename
        if not wrong and name in found:
            wrong = "comes twice"
        elif not wrong and folded.setdefault(name.casefold(), name) != name:
            wrong = f"differs from {folded[name.casefold()]} in capital letters alone"
        if wrong:
            problems.append(Problem(wrong, f"{where}: {_shown(name)}"))
        elif not name.endswith("/"):
            found[name] = _member(info)
    if problems:
        raise InstallError(problems[:MAX_PROBLEMS])
    return found


def _member(info: zipfile.ZipInfo) -> Member:
    return Member(
        name=info.orig_filename,
        method=info.compress_type,
        crc=info.CRC,
        size=info.file_size,
        packed=info.compress_size,
        offset=info.header_offset,
        executable=bool(info.external_attr >> 16 & 0o111),
    )


def _wrong(info: zipfile.ZipInfo) -> str:
    name = info.orig_filename
    parts = name.removesuffix("/").split("/")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if "\\" in name:
        return "has a backslash in its name: names in wheels are joined by slashes"
    if name.startswith("/") or name[1:2] == ":":
        return "is absolute: names in wheels begin at the wheel's root"
    if not {"..", ".", ""}.isdisjoint(parts):
        return "has a part of its name that is empty, . or .."
    if not all(map(str.isprintable, parts)):
        return "has a character in its name that cannot be shown"
    if kind == stat.S_IFLNK:
        return "is a symbolic link: wheels have none"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is no file and no folder"
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if info.compress_type not in METHODS:
        return f"is compressed by the method {info.compress_type}, which is not known here"
    return ""


def _shown(name: str) -> str:
    return name if name.isprintable() and len(name) <= 200 else repr(name[:200])[1:-1]
