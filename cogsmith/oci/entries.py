"""What goes into a layer: files, folders and links, checked and put in order.

The order, the owner and the time never depend on the machine: entries are sorted by their
path's parts, everything belongs to root unless asked, and has one time.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import field, replace
from typing import BinaryIO

from cogsmith.errors import InvalidLayer, Problem
from cogsmith.values import dataclass

__all__ = ["EPOCH", "Directory", "Entry", "File", "Hardlink", "Symlink", "arrange"]

# 2000-01-01. Not 0: zip files begin in 1980, and there are programs that take older files for
# broken ones (facts/builders.md, sections 1 and 5).
EPOCH = 946684800

WHITEOUT = ".wh."  # the spec's prefix for what a layer takes away: no file can be named so
MAX_PROBLEMS = 50
MAX_PATH = 4096  # Linux: with its last NUL, a path has so many bytes
MAX_NAME = 255
MAX_MTIME = 0o77777777777


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something at a path, relative to the root of the file system, without ``./`` before it.

    ``mode`` holds the permission bits; ``mtime`` is in seconds, None for that of the layer.
    """

    path: str
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class File(Entry):
    """A file of ``size`` bytes; ``open`` gives them, as a new stream at every call."""

    size: int
    open: Callable[[], BinaryIO] = field(compare=False, repr=False)

    @classmethod
    def of(cls, path: str, data: bytes, *, mode: int = 0o644) -> File:
        """A file whose bytes are in memory."""
        return cls(path=path, mode=mode, size=len(data), open=lambda: io.BytesIO(data))


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory(Entry):
    """A folder."""

    mode: int = 0o755


@dataclass(frozen=True, slots=True, kw_only=True)
class Symlink(Entry):
    """A symbolic link; ``target`` is what it says, relative to its folder or absolute."""

    mode: int = 0o777
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardlink(Entry):
    """One more name of a file of the same layer; ``target`` is that file's path.

    Owner, mode and time are the file's, whatever stands here: engines set them again.
    """

    target: str


def arrange(entries: Iterable[Entry], lower: Collection[str] = ()) -> list[Entry]:
    """Put entries into the layer's one order, with every folder on the way to them.

    Folders that no entry names get mode 755. ``lower`` has the paths of folders that lower
    layers have: those are not made again, since that would take away their owner and mode, or
    replace a link to a folder by a folder. The same folder twice is one; hard links come last,
    since what they name must come before. Raises InvalidLayer with all that is wrong.
    """
    problems: list[Problem] = []
    found: dict[tuple[str, ...], Entry] = {}
    for entry in entries:
        wrong = _wrong(entry)
        parts = tuple(entry.path.split("/"))
        if not wrong and found.setdefault(parts, entry) != entry:
            wrong = "comes twice, and not as the same"
        elif not wrong and found[parts] is not entry and not isinstance(entry, Directory):
            wrong = "comes twice"
        if wrong and len(problems) < MAX_PROBLEMS:
            problems.append(Problem(wrong, shown(entry.path) or "(no path)"))
    problems += _check_parents(found)
    problems += _check_hardlinks(found)
    if problems:
        raise InvalidLayer(problems)
    for parts in _missing_parents(found, set(lower)):
        found[parts] = Directory(path="/".join(parts))
    links = {parts: entry for parts, entry in found.items() if isinstance(entry, Hardlink)}
    first = [found[parts] for parts in sorted(found.keys() - links.keys())]
    return first + [_like_its_file(links[parts], found) for parts in sorted(links)]


def _like_its_file(link: Hardlink, found: dict[tuple[str, ...], Entry]) -> Hardlink:
    file = found[tuple(link.target.split("/"))]
    return replace(link, mode=file.mode, uid=file.uid, gid=file.gid, mtime=file.mtime)


def shown(path: str) -> str:
    """A path for people: short enough, and without what a terminal would obey or refuse."""
    short = path if len(path) <= 200 else f"{path[:200]}..."
    return short if short.isprintable() else repr(short)[1:-1]


def _is_plain(path: str) -> bool:
    """Whether a path is as nearly all are: then nothing is wrong with it, and that is quick."""
    return (
        path.isascii() and 0 < len(path) <= MAX_NAME and path[0] not in "./" and path[-1] != "/"
        and "//" not in path and "/." not in path and "\0" not in path
    )  # fmt: skip


def path_problem(path: str) -> str:
    """What is wrong with a path in a layer, "" where nothing is."""
    if _is_plain(path):
        return ""
    parts = path.split("/")
    if path.startswith("/"):
        return "is absolute: paths in a layer begin at its root, without a slash"
    if ".." in parts:
        return "leads out of the layer: no part may be .."
    if "" in parts or "." in parts:
        return "has an empty part, or one that is a dot"
    if "\0" in path:
        return "has a NUL in it"
    names = [len(part.encode("utf-8", "surrogateescape")) for part in parts]
    if max(names) > MAX_NAME or sum(names) + len(names) > MAX_PATH:
        return f"is too long: a path has {MAX_PATH} bytes at most, a name {MAX_NAME}"
    return ""


def _wrong(entry: Entry) -> str:
    if not _is_unicode(entry.path):
        return "is no Unicode"
    if wrong := path_problem(entry.path):
        return wrong
    if WHITEOUT in entry.path and any(p.startswith(WHITEOUT) for p in entry.path.split("/")):
        return f"no name may begin with {WHITEOUT}: there it means that something is taken away"
    if not 0 <= entry.mode <= 0o7777:
        return f"has the mode {entry.mode:#o}, which is more than permission bits"
    if entry.uid < 0 or entry.gid < 0 or not 0 <= (entry.mtime or 0) <= MAX_MTIME:
        return "has an owner or a time below 0, or a time that no archive can say"
    if isinstance(entry, File) and entry.size < 0:
        return f"has {entry.size} bytes"
    if isinstance(entry, Symlink) and not entry.target:
        return "is a link to nothing"
    if isinstance(entry, Symlink) and ("\0" in entry.target or not _is_unicode(entry.target)):
        return "is a link to what is no Unicode, or has a NUL in it"
    return ""


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


def _check_parents(found: dict[tuple[str, ...], Entry]) -> Iterator[Problem]:
    """Nothing can be inside of what is no folder."""
    for parts, entry in found.items():
        for end in range(1, len(parts)):
            above = found.get(parts[:end])
            if above is not None and not isinstance(above, Directory):
                kind = type(above).__name__.lower()
                yield Problem(f"lies in {above.path}, which is a {kind}", entry.path)
                break


def _check_hardlinks(found: dict[tuple[str, ...], Entry]) -> Iterator[Problem]:
    for entry in found.values():
        if isinstance(entry, Hardlink):
            target = found.get(tuple(entry.target.split("/")))
            if not isinstance(target, File):
                message = f"is a hard link to {entry.target}, which is no file of this layer"
                yield Problem(message, entry.path)


def _missing_parents(found: dict[tuple[str, ...], Entry], lower: set[str]) -> set[tuple[str, ...]]:
    missing: set[tuple[str, ...]] = set()
    for parts in found:
        for end in range(len(parts) - 1, 0, -1):
            above = parts[:end]
            if above in found or above in missing:
                break  # its own parents have been seen, or will be
            if "/".join(above) not in lower:
                missing.add(above)
    return missing
