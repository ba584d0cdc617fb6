"""Where a package's files lie in an image: through the base's links, without what nobody reads."""

from __future__ import annotations

import hashlib
import io
import lzma
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import IO, BinaryIO

from cogsmith.errors import InvalidLayer, SystemPackageError
from cogsmith.image.debs.deb import data
from cogsmith.oci import Directory, Entry, File, Hardlink, Member, Symlink
from cogsmith.values import dataclass

__all__ = ["Listed", "entries", "listing", "needless", "place", "placed"]

# What Debian's own slim images leave out, too. Licences stay.
_NEEDLESS = re.compile(r"usr/share/(doc|man|info|locale|lintian|linda|gtk-doc|doc-base)(/|$)")
_KEPT = re.compile(r"usr/share/doc/[^/]+/copyright|usr/share/locale/locale\.alias")
_FOLLOWED = 40  # links on the way of one path, as Linux follows


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A file of a package; ``md5`` of a configuration file, ``elf``: a program."""

    path: str
    kind: str
    target: str = ""
    elf: bool = False
    md5: str = ""


def needless(path: str, kind: str = "file") -> bool:
    """Whether a path is documentation, or words in other languages."""
    if not _NEEDLESS.match(path) or _KEPT.fullmatch(path):
        return False
    # A link in place of a package's folder leads to its licence.
    return not (kind == "symlink" and re.fullmatch(r"usr/share/doc/[^/]+", path))


def place(path: str, links: Mapping[str, str], *, follow: bool = False) -> str:
    """Where a path really is: links on the way are followed, the last part only if told.

    >>> place("bin/x", {"bin": "usr/bin"})
    'usr/bin/x'
    """
    left = [part for part in reversed(path.split("/")) if part not in ("", ".")]
    at: list[str] = []
    followed = 0
    while left:
        part = left.pop()
        if part == "..":
            at = at[:-1]
            continue
        here = "/".join((*at, part))
        if here in links and (left or follow) and followed < _FOLLOWED:
            target = links[here]
            at = [] if target.startswith("/") else at
            left += [p for p in reversed(target.split("/")) if p not in ("", ".")]
            followed += 1
        else:
            at.append(part)
    return "/".join(at)


def listing(stream: BinaryIO, where: str) -> Iterator[Listed]:
    """What a package has, in its own words. Raises SystemPackageError for what is no package."""
    archive = data(stream, where)
    try:
        for member in archive:
            path = _inside(member.path, where)
            if not path:
                continue
            md5, head = hashlib.md5(usedforsecurity=False), b""
            for piece in archive.content() if member.kind == "file" else ():
                head = head or piece[:4]
                if path.startswith("etc/"):
                    md5.update(piece)
            yield Listed(
                path=path,
                kind=member.kind,
                target=member.target,
                elf=head == b"\x7fELF",
                md5=md5.hexdigest() if path.startswith("etc/") else "",
            )
    except (InvalidLayer, lzma.LZMAError) as error:
        raise SystemPackageError(f"is broken: {error}", where=where) from error


def placed(listed: Iterable[Listed], links: Mapping[str, str]) -> Iterator[Listed]:
    """The same at their places, without documentation."""
    for one in listed:
        path = place(one.path, links, follow=one.kind == "directory")
        if not needless(path, one.kind):
            yield replace(one, path=path)


@dataclass(frozen=True, slots=True)
class _Content:
    """A file's bytes within a spool of many."""

    spool: IO[bytes]
    start: int
    size: int

    def open(self) -> BinaryIO:
        self.spool.seek(self.start)
        return io.BytesIO(self.spool.read(self.size)) if self.size < 1 << 20 else self._raw()

    def _raw(self) -> BinaryIO:
        return io.BufferedReader(_Window(self.spool, self.start, self.size), 1 << 18)


class _Window(io.RawIOBase):
    def __init__(self, spool: IO[bytes], start: int, size: int) -> None:
        super().__init__()
        self._spool, self._at, self._end = spool, start, start + size

    def readable(self) -> bool:
        return True

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]
        self._spool.seek(self._at)
        piece = self._spool.read(min(len(target), self._end - self._at))
        target[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def entries(
    stream: BinaryIO, where: str, spool: IO[bytes], links: Mapping[str, str],
    folders: Collection[str],
) -> tuple[list[Entry], list[str]]:  # fmt: skip
    """A package's files as entries of a layer; their bytes go into ``spool`` until then.

    ``folders`` are those of the base: they are not made again, and no link takes their place.
    The second answer has all names in the package's own words, as dpkg lists them.
    """
    archive = data(stream, where)
    names: list[str] = []
    found: dict[str, Entry] = {}
    everything: dict[str, File] = {}
    try:
        for member in archive:
            name = _inside(member.path, where)
            if not name:
                continue
            names.append(name)
            path = place(name, links, follow=member.kind == "directory")
            entry = _entry(member, path, links)
            if isinstance(entry, File):
                start = spool.seek(0, io.SEEK_END)
                for piece in archive.content():
                    spool.write(piece)
                entry = replace(entry, open=_Content(spool, start, member.size).open)
                everything[path] = entry
            if isinstance(entry, Hardlink) and needless(entry.target):
                entry = replace(everything[entry.target], path=path)
            taken = isinstance(entry, Directory | Symlink) and path in folders
            if not taken and not needless(path, member.kind):
                found[path] = entry
    except (InvalidLayer, lzma.LZMAError, KeyError) as error:
        raise SystemPackageError(f"is broken: {error}", where=where) from error
    return list(found.values()), names


def _inside(name: str, where: str) -> str:
    """A member's path, "" for the root."""
    plain = posixpath.normpath(name.lstrip("/"))
    if plain.startswith(".."):
        raise SystemPackageError(f"has a file outside of the system: {plain}", where=where)
    return "" if plain == "." else plain


def _target(member: Member, links: Mapping[str, str]) -> str:
    if member.kind == "hardlink":
        return place(posixpath.normpath(member.target.lstrip("/")), links)
    return member.target


def _entry(member: Member, path: str, links: Mapping[str, str]) -> Entry:
    owner = {"uid": member.uid, "gid": member.gid}
    mtime = max(member.mtime, 0)
    target = _target(member, links)
    if member.kind == "directory":  # its time is the layer's: several packages have the folder
        return Directory(path=path, mode=member.mode, **owner)
    if member.kind == "symlink":
        return Symlink(path=path, target=target, mtime=mtime, **owner)
    if member.kind == "hardlink":
        return Hardlink(path=path, target=target)
    if member.kind == "file":
        return File(
            path=path, mode=member.mode, mtime=mtime, size=member.size, open=io.BytesIO, **owner
        )
    raise InvalidLayer(f"has a {member.kind}: {path}")
