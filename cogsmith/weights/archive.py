"""The archive of a weight's layer, byte for byte as Cog packs it. Pure.

The draft asks for pax with all times 0. Cog writes it with Go's ``archive/tar``, which puts the
times of access and change into a pax record before every entry, and so do we: a large file, which
is not compressed, has then the same layer whichever of the two packed it, and travels once.
(``oci.tar`` writes the plainer archives of images: records only where they are needed.)
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

__all__ = ["BLOCK", "END", "archive_size", "before", "folders", "padding"]

BLOCK = 512
END = bytes(2 * BLOCK)
MAX_SIZE = 0o77777777777  # what a header can say; more stands in a record, and 0 in the header


def folders(paths: Iterable[str]) -> list[str]:
    """The folders on the way to these paths, sorted: they stand first in the archive."""
    found: set[str] = set()
    for path in paths:
        parts = path.split("/")[:-1]
        found.update("/".join(parts[: end + 1]) for end in range(len(parts)))
    return sorted(found)


def before(path: str, size: int | None) -> bytes:
    """The blocks before an entry's bytes: of a file of ``size`` bytes, or of a folder (None)."""
    name = path if size is not None else f"{path}/"
    records = {"atime": "0", "ctime": "0"}
    if len(name.encode()) > 100 or not name.isascii():
        records["path"] = name
    if size is not None and size > MAX_SIZE:
        records["size"] = str(size)
    body = b"".join(_record(key, records[key]) for key in sorted(records))
    folder, _, last = name.rpartition("/")
    extended = posixpath.join(folder, "PaxHeaders.0", last) if last else f"{folder}/PaxHeaders.0"
    head = _header(_ascii(extended)[:100].rstrip(b"/"), 0, len(body), b"x", b"")
    mode, kind = (0o644, b"0") if size is not None else (0o755, b"5")
    shown = 0 if size is None or size > MAX_SIZE else size
    owner = _octal(0, 8)  # of devices: Go fills these fields, too
    return head + body + padding(len(body)) + _header(_ascii(name), mode, shown, kind, owner)


def padding(size: int) -> bytes:
    """What fills the last block of so many bytes."""
    return bytes(-size % BLOCK)


def archive_size(files: Iterable[tuple[str, int]]) -> int:
    """The bytes of the archive that holds files of these paths and sizes."""
    files = list(files)
    heads = [before(path, None) for path in folders(path for path, _ in files)]
    heads += [before(path, size) for path, size in files]
    return sum(map(len, heads)) + sum(size + -size % BLOCK for _, size in files) + len(END)


def _record(key: str, value: str) -> bytes:
    """One pax record; it begins with its own length."""
    rest = f" {key}={value}\n".encode()
    length = len(rest)
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return str(length).encode() + rest


def _header(name: bytes, mode: int, size: int, kind: bytes, device: bytes) -> bytes:
    """One block of ustar: owner 0, time 0."""
    numbers = _octal(mode, 8) + _octal(0, 8) * 2 + _octal(size, 12) + _octal(0, 12)
    rest = kind + bytes(100) + b"ustar\x0000" + bytes(64) + device.ljust(8, b"\0") * 2
    field = name[:100].ljust(100, b"\0") + numbers
    block = (field + b" " * 8 + rest).ljust(BLOCK, b"\0")
    checksum = b"%06o\0 " % sum(block)
    return block[:148] + checksum + block[156:]


def _octal(number: int, width: int) -> bytes:
    return b"%0*o\0" % (width - 1, number)


def _ascii(text: str) -> bytes:
    """What readers see who know no records: characters beyond ASCII are left out."""
    return text.encode("ascii", "ignore")
