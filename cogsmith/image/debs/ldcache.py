"""The linker's cache, /etc/ld.so.cache, with new libraries in it.

Programs find libraries in the usual folders without it; ``ctypes.util.find_library`` and
libraries in folders of ld.so.conf.d do not. The format is glibc's own ("glibc-ld.so.cache1.1",
sysdeps/generic/dl-cache.h): a header, entries in the reverse order of their names, and the
names.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping
from functools import cmp_to_key

from cogsmith.image.debs.tree import Listed
from cogsmith.values import dataclass

__all__ = ["folders_of", "libraries", "with_libraries"]

_MAGIC = b"glibc-ld.so.cache1.1"
_HEADER = struct.Struct("<20s2IB3xI3I")
_ENTRY = struct.Struct("<i3IQ")
_LITTLE = 2  # the flag of little-endian machines
# FLAG_ELF_LIBC6, and which machine (sysdeps/unix/sysv/linux/*/dl-cache.h).
_FLAGS = {"amd64": 0x0303, "arm64": 0x0A03}
_LIBRARY = re.compile(r"(lib|ld-)[^/]*\.so[^/]*")


@dataclass(frozen=True, slots=True, order=True)
class _Known:
    name: bytes
    path: bytes
    flags: int
    version: int = 0
    hardware: int = 0


def libraries(listed: Iterable[Listed], folders: Iterable[str]) -> list[tuple[str, str]]:
    """The names, with paths, by which libraries in these folders are asked for.

    Without reading them: of a file and the links to it in its folder, the links' names count.
    """
    places = set(folders)
    files: dict[str, Listed] = {}
    for one in listed:
        folder, _, name = one.path.rpartition("/")
        if folder in places and _LIBRARY.fullmatch(name):
            files[one.path] = one
    named = []
    linked = set()
    for path, one in files.items():
        folder, _, name = path.rpartition("/")
        if one.kind == "symlink":
            target = one.target if "/" not in one.target else ""
            if target and f"{folder}/{target}" in files:
                linked.add(f"{folder}/{target}")
            named.append((name, f"/{path}"))
    for path, one in files.items():
        if one.elf and path not in linked:
            named.append((path.rpartition("/")[2], f"/{path}"))
    return sorted(named)


def folders_of(files: Mapping[str, bytes], architecture: str) -> set[str]:
    """The folders where the linker looks: its own, and those of ld.so.conf."""
    triple = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}.get(architecture, "")
    found = {"lib", "usr/lib", "usr/local/lib"}
    found |= {f"{folder}/{triple}" for folder in found} if triple else set()
    for path, text in files.items():
        if path.startswith("etc/ld.so.conf"):
            for line in text.decode("utf-8", "replace").splitlines():
                plain = line.partition("#")[0].strip()
                if plain.startswith("/"):
                    found.add(plain.strip("/"))
    return found


def with_libraries(
    cache: bytes, named: Iterable[tuple[str, str]], architecture: str
) -> bytes | None:
    """The cache with these names too; None where it is of a kind that we do not write."""
    flags = _FLAGS.get(architecture)
    known = _parse(cache)
    if known is None or flags is None:
        return None
    ours = {_Known(name.encode(), path.encode(), flags) for name, path in named}
    paths = {one.path for one in ours}
    rest = {one for one in known if one.path not in paths or one.flags != flags}
    return _render(ours | rest)


def _parse(cache: bytes) -> list[_Known] | None:
    start = cache.find(_MAGIC)  # an older cache may stand before it
    if start < 0 or start % 8 or len(cache) < start + _HEADER.size:
        return None
    cache = cache[start:]
    count = _HEADER.unpack_from(cache)[1]
    found = []
    try:
        for at in range(count):
            row = _ENTRY.unpack_from(cache, _HEADER.size + at * _ENTRY.size)
            name, path = (cache[spot : cache.index(b"\0", spot)] for spot in row[1:3])
            found.append(_Known(name, path, row[0], row[3], row[4]))
    except (struct.error, ValueError):
        return None
    # Entries for kinds of processors lean on an extension at the end, that we do not write.
    return [one for one in found if not one.hardware]


def _render(known: Iterable[_Known]) -> bytes:
    rows = sorted(known, key=lambda one: (one.flags, one.path))
    rows.sort(key=cmp_to_key(_backwards))
    names = bytearray()
    spots: dict[bytes, int] = {}
    start = _HEADER.size + len(rows) * _ENTRY.size
    for one in rows:
        for text in (one.name, one.path):
            if text not in spots:
                spots[text] = start + len(names)
                names += text + b"\0"
    head = _HEADER.pack(_MAGIC, len(rows), len(names), _LITTLE, 0, 0, 0, 0)
    table = b"".join(
        _ENTRY.pack(one.flags, spots[one.name], spots[one.path], one.version, one.hardware)
        for one in rows
    )
    return head + table + bytes(names)


def _backwards(one: _Known, other: _Known) -> int:
    return _order(other.name, one.name)


def _order(one: bytes, other: bytes) -> int:
    """The order of names in glibc (_dl_cache_libcmp): numbers by their value, before all else."""
    at = to = 0
    while at < len(one):
        digit, other_digit = one[at : at + 1].isdigit(), other[to : to + 1].isdigit()
        if digit and other_digit:
            left, right = (re.match(rb"\d+", text) for text in (one[at:], other[to:]))
            assert left is not None
            assert right is not None
            if int(left[0]) != int(right[0]):
                return int(left[0]) - int(right[0])
            at, to = at + left.end(), to + right.end()
        elif digit or other_digit:
            return 1 if digit else -1
        elif one[at : at + 1] != other[to : to + 1]:
            return one[at] - (other[to] if to < len(other) else 0)
        else:
            at, to = at + 1, to + 1
    return -(other[to] if to < len(other) else 0)
