"""The archive that a layer is: POSIX ustar, with pax records where that cannot say it.

Of the two extensions that every engine reads, GNU's and pax, pax is the standard's, and the one
that Go writes. A record is needed for paths beyond 255 bytes or without a slash in the right
place, link targets beyond 100, files from 8 GiB on, owners from 2^21 on, and what is not ASCII.
The end is two empty blocks and no more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from cogsmith.errors import InvalidLayer
from cogsmith.oci.digest import chunks_of
from cogsmith.oci.entries import EPOCH, Directory, Entry, File, Hardlink, Symlink, arrange

__all__ = ["BLOCK", "scaffold", "tar"]

BLOCK = 512
PIECE = 256 * 1024  # small pieces are joined to so many bytes: hashing has a price per piece
MAX_SIZE = 0o77777777777
MAX_OWNER = 0o7777777
NAME, PREFIX = 100, 155  # bytes in a header

_END = bytes(2 * BLOCK)
# Magic, version, no names of owner and group, device 0:0.
_USTAR = b"ustar\x0000" + bytes(64) + b"%07o\0%07o\0" % (0, 0)
_FIXED = sum(_USTAR) + 8 * 32  # of a checksum, whose own field counts as spaces
_TYPES: dict[type[Entry], bytes] = {File: b"0", Hardlink: b"1", Symlink: b"2", Directory: b"5"}


def tar(
    entries: Iterable[Entry], *, mtime: int = EPOCH, lower: Collection[str] = ()
) -> Iterator[bytes]:
    """The archive of these entries, in pieces; the same for the same entries in any order.

    Files are opened when it is their turn. ``mtime`` is the time of entries that have none;
    for ``lower`` see ``arrange``. Raises InvalidLayer, before the first piece for what is wrong
    with entries, and later for a file that has not as many bytes as it should.
    """
    return _joined(_filled(scaffold(entries, mtime=mtime, lower=lower)))


def scaffold(
    entries: Iterable[Entry], *, mtime: int = EPOCH, lower: Collection[str] = ()
) -> Iterator[bytes | File]:
    """The same archive without the bytes of its files: each file stands where they belong.

    For those who have the bytes in a form that is worth keeping: compressed already.
    """
    return _pieces(arrange(entries, lower), mtime)


def _pieces(entries: list[Entry], mtime: int) -> Iterator[bytes | File]:
    for entry in entries:
        yield header(entry, mtime)
        if isinstance(entry, File):
            yield entry
            yield bytes(-entry.size % BLOCK)
    yield _END


def _filled(pieces: Iterable[bytes | File]) -> Iterator[bytes]:
    for piece in pieces:
        if isinstance(piece, File):
            yield from _content(piece)
        else:
            yield piece


def _content(file: File) -> Iterator[bytes]:
    left = file.size
    try:
        with file.open() as stream:
            for data in chunks_of(stream):
                left -= len(data)
                if left < 0:
                    break
                yield data
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise InvalidLayer(message, where=file.path) from error
    if left:
        how = "fewer" if left > 0 else "more"
        message = f"has {how} bytes than the {file.size} that it had"
        raise InvalidLayer(message, where=file.path, hint="do not change files during a build")


def _joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= PIECE:
            yield b"".join(waiting) if len(waiting) > 1 else piece
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def header(entry: Entry, mtime: int) -> bytes:
    """The blocks before an entry's bytes: a header, and pax records where it needs any."""
    path = entry.path.encode() + (b"/" if isinstance(entry, Directory) else b"")
    target = entry.target.encode() if isinstance(entry, Symlink | Hardlink) else b""
    size = entry.size if isinstance(entry, File) else 0
    records = b""
    split = _split(path)
    if split is None:
        records += _record("path", path)
        split = b"", _short(path)
    if len(target) > NAME or not target.isascii():
        records += _record("linkpath", target)
        target = _short(target)
    numbers = {
        "size": (size, MAX_SIZE),
        "uid": (entry.uid, MAX_OWNER),
        "gid": (entry.gid, MAX_OWNER),
    }
    for name, (number, most) in numbers.items():
        if number > most:
            records += _record(name, b"%d" % number)
    time = mtime if entry.mtime is None else entry.mtime
    fields = (entry.mode, entry.uid, entry.gid, size, time)
    made = _block(split, fields, _TYPES[type(entry)], target)
    return _extended(split[1], records, time) + made if records else made


def _split(path: bytes) -> tuple[bytes, bytes] | None:
    """Prefix and name of a header, None where the path does not fit them."""
    if not path.isascii():
        return None
    if len(path) <= NAME:
        return b"", path
    slash = path.find(b"/", len(path) - NAME - 1, -1)
    return (path[:slash], path[slash + 1 :]) if 0 < slash <= PREFIX else None


def _short(text: bytes) -> bytes:
    """What readers see who know no records."""
    return text.decode().encode("ascii", "replace")[:NAME]


def _record(name: str, value: bytes) -> bytes:
    """One pax record; it begins with its own length."""
    rest = b" " + name.encode() + b"=" + value + b"\n"
    length = len(rest)
    while len(b"%d" % length) + len(rest) != length:
        length = len(b"%d" % length) + len(rest)
    return b"%d" % length + rest


def _extended(name: bytes, records: bytes, mtime: int) -> bytes:
    split = b"", (b"PaxHeaders.0/" + name.rstrip(b"/").rpartition(b"/")[2])[:NAME]
    block = _block(split, (0o644, 0, 0, len(records), mtime), b"x", b"")
    return block + records + bytes(-len(records) % BLOCK)


def _block(
    split: tuple[bytes, bytes], fields: tuple[int, int, int, int, int], kind: bytes, target: bytes
) -> bytes:
    prefix, name = split
    mode, uid, gid, size, mtime = fields
    numbers = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (
        mode, _fitting(uid, MAX_OWNER), _fitting(gid, MAX_OWNER), _fitting(size, MAX_SIZE), mtime,
    )  # fmt: skip
    checksum = sum(name) + sum(numbers) + sum(kind) + sum(target) + sum(prefix) + _FIXED
    return b"".join((
        name.ljust(NAME, b"\0"), numbers, b"%06o\0 " % checksum, kind, target.ljust(NAME, b"\0"),
        _USTAR, prefix.ljust(PREFIX, b"\0"), bytes(12),
    ))  # fmt: skip


def _fitting(number: int, most: int) -> int:
    return number if number <= most else 0
