"""The files of one layer, looked through: what the spec forbids, and what breaks an unpacking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from cogsmith.oci.entries import WHITEOUT, path_problem, shown
from cogsmith.oci.tar_reader import Kind, Member

__all__ = ["Tree"]

OPAQUE = ".wh..wh..opq"  # hides all that lower layers have in its folder
MAX_PROBLEMS = 20  # told of one layer; a broken one could have as many as files


class Tree:
    """Takes the members of a layer's archive in turn, and complains: path, message."""

    def __init__(self, *, lowest: bool) -> None:
        self.lowest = lowest
        self._seen: dict[str, Kind] = {}
        self._told = 0

    def add(self, member: Member) -> Iterator[tuple[str, str]]:
        """What is wrong with one more member, given those before it."""
        path = normal(member.path)
        for message in self._problems(path, member):
            self._told += 1
            if self._told <= MAX_PROBLEMS:
                yield shown(member.path), message
        self._seen[path] = member.kind

    def _problems(self, path: str, member: Member) -> Iterator[str]:
        if not path:
            if member.kind != "directory":
                yield f"the root of the file system is a {member.kind}"
        elif wrong := path_problem(path):
            yield wrong
        else:
            if path in self._seen:
                yield "comes twice"
            yield from self._above(path)
            yield from self._whiteout(path, member)
        if member.kind == "hardlink":
            yield from self._hardlink(normal(member.target))

    def _above(self, path: str) -> Iterator[str]:
        end = path.rfind("/")
        while end > 0:
            above = path[:end]
            if self._seen.get(above, "directory") != "directory":
                yield f"lies in {shown(above)}, which is a {self._seen[above]}"
            end = path.rfind("/", 0, end)

    def _hardlink(self, target: str) -> Iterator[str]:
        if self._seen.get(target) not in ("file", "hardlink", "symlink"):
            yield f"is a hard link to {shown(target)}, which does not come before it in this layer"

    def _whiteout(self, path: str, member: Member) -> Iterator[str]:
        name = PurePosixPath(path).name
        if not name.startswith(WHITEOUT):
            return
        if name.startswith(WHITEOUT * 2) and name != OPAQUE:
            yield "is a note of an old file system, and no whiteout"
        elif name == WHITEOUT or member.kind != "file":
            yield "is named like a whiteout, and is none"
        elif self.lowest:
            yield "takes something away, and there is no layer below"


def normal(path: str) -> str:
    """A path as archives write it in several ways, in one: without ``./`` and a last slash."""
    return path.removeprefix("./").rstrip("/") if path != "." else ""
