"""Two archives side by side: the first entry in which they differ. Nothing but paths is held.

While both have the same path in the same place, as archives of one builder do for most of their
length, nothing is remembered at all. From the first other path on, what is left of both is
remembered by name (path, mode, hash: a few hundred bytes an entry), since archives of other
builders may be in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Literal

from cogsmith.oci import Digest, Hasher, Member, TarReader
from cogsmith.values import dataclass

__all__ = ["Change", "FileDifference", "Side", "first_difference"]

Change = Literal["only ours", "only theirs", "kind", "mode", "owner", "time", "target", "content"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """An entry of an archive, with the digest of its bytes where it is a file."""

    member: Member
    content: Digest | None = None

    def __str__(self) -> str:
        """All of it, for people.

        >>> print(Side(member=Member(path="a", kind="symlink", mode=0o777, uid=0, gid=0,
        ...                          size=0, mtime=0, target="b")))
        symlink to b, mode 777, owner 0:0, time 0
        """
        member = self.member
        what = f"{member.kind} to {member.target}" if member.target else member.kind
        bytes_of = f" of {member.size} bytes, {self.content}" if self.content else ""
        owner = f"owner {member.uid}:{member.gid}, time {member.mtime}"
        return f"{what}{bytes_of}, mode {member.mode:o}, {owner}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDifference:
    """The first entry that differs, in what, and both sides; None where a side lacks it."""

    path: str
    change: Change
    ours: Side | None
    theirs: Side | None


def first_difference(ours: BinaryIO, theirs: BinaryIO) -> FileDifference | None:
    """The first entry in which two archives differ; None where they hold the same files.

    Of two archives in the same order it is the first of both; else the first of ours, and
    what only theirs has comes last. Raises InvalidLayer for what is no archive.
    """
    mine, other = _sides(TarReader(ours)), _sides(TarReader(theirs))
    while True:
        left, right = next(mine, None), next(other, None)
        if left is None and right is None:
            return None
        if left is None or right is None or _path(left) != _path(right):
            return _by_name(_named(left, mine), _named(right, other))
        if found := _compared(left, right):
            return found


def _sides(archive: TarReader) -> Iterator[Side]:
    for member in archive:
        content = None
        if member.kind == "file":
            hasher = Hasher()
            for data in archive.content():
                hasher.update(data)
            content = hasher.digest
        yield Side(member=member, content=content)


def _named(first: Side | None, rest: Iterator[Side]) -> dict[str, Side]:
    """What is left of an archive by path; of a path that comes twice, the last one counts."""
    found = {_path(first): first} if first else {}
    found.update((_path(side), side) for side in rest)
    return found


def _by_name(ours: dict[str, Side], theirs: dict[str, Side]) -> FileDifference | None:
    """The first difference of what is left, given that the two begin with other paths."""
    if heads := list(_heads(ours, theirs)):
        path, here, there = min(heads, key=lambda head: head[0].split("/"))
        return _one_sided(path, here, there)
    for path, side in ours.items():
        if path not in theirs:
            return _one_sided(path, side, None)
        if found := _compared(side, theirs[path]):
            return found
    more = next((path for path in theirs if path not in ours), None)
    return None if more is None else _one_sided(more, None, theirs[more])


def _heads(
    ours: dict[str, Side], theirs: dict[str, Side]
) -> Iterator[tuple[str, Side | None, Side | None]]:
    """What the two begin with and the other has nowhere."""
    for path in list(ours)[:1]:
        if path not in theirs:
            yield path, ours[path], None
    for path in list(theirs)[:1]:
        if path not in ours:
            yield path, None, theirs[path]


def _one_sided(path: str, ours: Side | None, theirs: Side | None) -> FileDifference:
    change: Change = "only ours" if ours else "only theirs"
    return FileDifference(path=path, change=change, ours=ours, theirs=theirs)


def _compared(ours: Side, theirs: Side) -> FileDifference | None:
    a, b = ours.member, theirs.member
    changes: tuple[tuple[Change, bool], ...] = (
        ("kind", a.kind != b.kind),
        ("content", ours.content != theirs.content),
        ("target", a.target != b.target),
        ("mode", a.mode != b.mode),
        ("owner", (a.uid, a.gid) != (b.uid, b.gid)),
        ("time", a.mtime != b.mtime),
    )
    for change, differs in changes:
        if differs:
            return FileDifference(path=_path(ours), change=change, ours=ours, theirs=theirs)
    return None


def _path(side: Side) -> str:
    """Archives write one path in several ways: ``./a``, ``a/``."""
    return side.member.path.removeprefix("./").rstrip("/") or "."
