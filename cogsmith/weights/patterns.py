"""Which files of a source are taken: patterns as in .gitignore, include and exclude. Pure.

A pattern without a slash matches at any depth, one with a slash from the top; ``*`` and ``?`` stop
at slashes, ``**`` does not; a pattern that names a folder takes all that is in it; ``!`` takes back
what an earlier pattern of the same list has matched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cogsmith.errors import WeightsError

__all__ = ["Chosen", "choose", "matches"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The paths that are taken, and those that are not."""

    taken: tuple[str, ...]
    left: tuple[str, ...]


def choose(paths: Iterable[str], include: Sequence[str], exclude: Sequence[str]) -> Chosen:
    """What the two lists choose; what both match is left out.

    Raises WeightsError when nothing is taken: that is a wrong pattern, never a wish.

    >>> choose(["a.bin", "b/c.json"], ["*.json"], []).taken
    ('b/c.json',)
    """
    paths = sorted(paths)
    taken = tuple(path for path in paths if _is_taken(path, include, exclude))
    if paths and not taken:
        lists = (("include", include), ("exclude", exclude))
        told = "; ".join(f"{name}: {', '.join(patterns)}" for name, patterns in lists if patterns)
        message = f"include/exclude patterns matched zero files out of {len(paths)} in the source"
        raise WeightsError(f"{message} ({told})", hint=f"the source has {_some(paths)}")
    known = set(taken)
    return Chosen(taken, tuple(path for path in paths if path not in known))


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Whether a list of patterns matches a path; the last one that speaks of it decides."""
    found = False
    for pattern in patterns:
        wanted = not pattern.startswith("!")
        if found != wanted and _compiled(pattern if wanted else pattern[1:]).fullmatch(path):
            found = wanted
    return found


def _is_taken(path: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    return not matches(path, exclude) and (not include or matches(path, include))


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    return ", ".join(paths[:5]) + more


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    text = pattern.rstrip(" ") if not pattern.endswith("\\ ") else pattern
    if not text or text.startswith("#"):
        return re.compile(r"(?!)")  # blank lines and comments match nothing, as in a file
    folder = text.endswith("/")
    text = text.rstrip("/")
    anchored = "/" in text
    body = _translated(text.lstrip("/"))
    start = "" if anchored else "(?:.*/)?"
    return re.compile(f"{start}{body}{'/.+' if folder else '(?:/.*)?'}", re.DOTALL)


def _translated(text: str) -> str:
    """A pattern as a regular expression."""
    made, at = "", 0
    while at < len(text):
        rest = text[at:]
        if rest.startswith("**/"):
            made, at = made + "(?:.*/)?", at + 3
        elif rest == "**":
            made, at = made + ".+", at + 2
        elif rest[0] == "*":
            made, at = made + "[^/]*", at + (2 if rest.startswith("**") else 1)
        elif rest[0] == "?":
            made, at = made + "[^/]", at + 1
        elif rest[0] == "[" and (end := rest.find("]", 2)) > 0:
            made, at = made + _one_of(rest[1:end]), at + end + 1
        else:
            plain = rest[1] if rest[0] == "\\" and len(rest) > 1 else rest[0]
            made, at = made + re.escape(plain), at + (2 if plain is not rest[0] else 1)
    return made


def _one_of(inner: str) -> str:
    """What stands between brackets, as a regular expression: one character, never a slash."""
    negated = inner[:1] in ("!", "^")
    inner, parts, at = inner[1:] if negated else inner, [], 0
    while at < len(inner):
        if inner[at + 1 : at + 2] == "-" and at + 2 < len(inner):
            first, last, step = inner[at], inner[at + 2], 3
        else:
            first, last, step = inner[at], inner[at], 1
        if first <= last:
            parts.append(f"{re.escape(first)}-{re.escape(last)}")
        at += step
    if not parts:
        return "[^/]" if negated else "(?!)"
    return f"(?!/)[{'^' if negated else ''}{''.join(parts)}]"
