"""The files of a weight, as values: path, size and digest; and the name of a whole set. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cogsmith.errors import Problem
from cogsmith.oci import Digest

__all__ = ["WeightFile", "path_problems", "set_digest"]

STATE = ".cog"  # the folder of the runtime state protocol, in every target


@dataclass(frozen=True, slots=True, order=True)
class WeightFile:
    """A file: its path in the target folder, with ``/`` between parts, its bytes, their name."""

    path: str
    size: int
    digest: Digest


def set_digest(files: Iterable[WeightFile]) -> Digest:
    """The name of a set of files, however they are packed.

    As ``sha256sum FILES | sort`` prints them, joined by line feeds, without one at the end. The
    draft says "sorted by path"; what Cog writes is sorted by whole lines, digest first.
    """
    lines = sorted(f"{file.digest.hex}  {file.path}" for file in files)
    return Digest.of("\n".join(lines).encode())


def path_problems(paths: Iterable[str]) -> list[Problem]:
    """What may not be packed, each with its reason (draft-weights.md, sections 1.3 and 1.4)."""
    return [Problem(wrong, repr(path)[1:-1]) for path in paths if (wrong := _wrong(path))]


def _wrong(path: str) -> str:
    parts = path.split("/")
    if any("\ud800" <= c <= "\udfff" for c in path):
        return "has a name that is not UTF-8"
    if "\\" in path or any(ord(c) < 0x20 or ord(c) == 0x7F for c in path):
        return "has a backslash or a control character in its name"
    if not all(parts) or {".", ".."} & set(parts):
        return "is not a path inside the target folder"
    if any(part.startswith(".wh.") for part in parts):
        return "has a name that begins with .wh., which means a deletion in layers"
    if parts[0] == STATE:
        return f"lies in {STATE}, which is kept for the state of a delivery"
    return ""
