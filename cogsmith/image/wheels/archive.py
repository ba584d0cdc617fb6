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
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from lzma import LZMAError
from types import TracebackType

from cogsmith.environment import Wheel
from cogsmith.errors import InstallError, InvalidLayer, Problem
from cogsmith.oci import GZIP_HEADER, gunzip_member, gzip_trailer

__all__ = ["DEFLATED", "Archive", "Member"]

STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
METHODS = {STORED, DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
PIECE = 1 << 18  # bytes read at a time
PLAIN = 1 << 20  # bytes that come out of one step of inflation, at most
WHOLE = 1 << 23  # bytes of a member that are held at once, at most
MAX_PROBLEMS = 20  # told of one wheel

_ENCRYPTED = 0x1
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
            self._zip = zipfile.ZipFile(wheel.path)
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            hint = "remove it from the cache of wheels, so that it is fetched again"
            message = f"cannot be read as a wheel: {error}"
            raise InstallError(message, where=wheel.filename, hint=hint) from error
        self._file = wheel.path.open("rb")
        try:
            self.members = _members(self._zip, wheel.filename)
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
        self._zip.close()

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
        try:
            self._file.seek(member.offset)
            head = self._file.read(_LOCAL.size).ljust(_LOCAL.size, b"\0")
            signature, name, extra = _LOCAL.unpack(head)
            if signature != _SIGNATURE:
                raise self.wrong(member, "does not lie where the wheel's index says")
            self._file.seek(name + extra, os.SEEK_CUR)
            left = member.packed
            while left:
                data = self._file.read(min(left, PIECE))
                if not data:
                    raise self.wrong(member, "ends too early: the wheel was cut off")
                left -= len(data)
                yield data
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
            checksum = zlib.crc32(piece, checksum)
            yield piece
        if size != member.size:
            how = "more" if size > member.size else "fewer"
            raise self.wrong(member, f"has {how} bytes than the {member.size} of the wheel's index")
        if checksum != member.crc:
            message = f"has the CRC {checksum:08x}, and the wheel's index says {member.crc:08x}"
            raise self.wrong(member, message)

    def _inflated(self, member: Member, raw: Iterable[bytes]) -> Iterator[bytes]:
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for piece in chain(raw, (b"",)):
                data = stream.decompress(piece, PLAIN)
                while data:  # the last piece is empty: what is still held comes out with it
                    yield data
                    data = b"" if stream.eof else stream.decompress(stream.unconsumed_tail, PLAIN)
                if stream.eof and (stream.unused_data or stream.unconsumed_tail):
                    raise self.wrong(member, "goes on after the end of its deflate stream")
            if not stream.eof:
                raise self.wrong(member, "ends within its deflate stream")
        except zlib.error as error:
            raise self.wrong(member, f"cannot be inflated: {error}") from error

    def _unpacked(self, member: Member) -> Iterator[bytes]:
        """By a method that is rare in wheels: bzip2, LZMA."""
        try:
            with self._zip.open(member.name) as file:
                while data := file.read(PIECE):
                    yield data
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, LZMAError) as error:
            raise self.wrong(member, f"cannot be unpacked: {error}") from error


def _members(archive: zipfile.ZipFile, where: str) -> dict[str, Member]:
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
