"""`.dockerignore`: which of a project's files stay out, by Docker's own rules.

The rules are Docker's documented ones ("dockerignore file"): Go's ``filepath.Match`` with ``**``
for any number of folders, patterns rooted at the project, the last that matches a path or a
folder above it decides, and ``!`` brings back. Before the author's patterns stand ours, so that
the author can bring back what they take away.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from cogsmith.errors import ConfigError, Problem
from cogsmith.values import dataclass

__all__ = ["DEFAULTS", "Ignore"]

# What no container needs: histories, caches, environments, and locks, which may name private
# indexes. Cog leaves out a like list where it separates weights (pkg/dockerfile of Cog 0.14).
DEFAULTS = (
    ".git", ".hg", ".svn", ".cog", ".dockerignore",
    "**/__pycache__", "**/*.pyc", "**/*.pyo", "**/.DS_Store",
    "**/.venv", "venv", "**/.tox", "**/.nox", "**/.mypy_cache", "**/.pytest_cache",
    "**/.ruff_cache", "**/.hypothesis", "**/.ipynb_checkpoints",
    "pylock*.toml",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Pattern:
    brings_back: bool
    expression: re.Pattern[str]
    literal: tuple[str, ...]  # its parts before the first that stands for several names


@dataclass(frozen=True, slots=True)
class Ignore:
    """The patterns of a project."""

    patterns: tuple[_Pattern, ...]

    @classmethod
    def parse(cls, text: str, *, where: str = ".dockerignore") -> Ignore:
        """Read a file's text; ours come first. Raises ConfigError for every pattern at fault."""
        problems: list[Problem] = []
        found = [_pattern(line) for line in DEFAULTS]
        for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
            cleaned = line.strip()
            if not cleaned or line.startswith("#"):
                continue
            try:
                found.append(_pattern(cleaned))
            except (ValueError, re.error):
                problems.append(Problem(f"{cleaned!r} is no pattern", f"{where}:{number}"))
        if problems:
            raise ConfigError(problems)
        return cls(tuple(found))

    def without(self, folders: Iterable[str]) -> Ignore:
        """The same, and these stay out with all that is in them, whatever the patterns say."""
        more = tuple(
            _Pattern(False, re.compile(re.escape(folder)), tuple(folder.split("/")))
            for folder in folders
        )
        return Ignore((*self.patterns, *more))

    def skips(self, path: str) -> bool:
        """Whether a path, from the project's folder and with ``/``, stays out."""
        parts = path.split("/")
        ways = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        out = False
        for pattern in self.patterns:
            if pattern.brings_back == out and any(map(pattern.expression.fullmatch, ways)):
                out = not out
        return out

    def skips_all_below(self, path: str) -> bool:
        """Whether nothing in a folder that is skipped can be brought back."""
        parts = tuple(path.split("/"))
        return not any(
            pattern.brings_back and _meet(pattern.literal, parts) for pattern in self.patterns
        )


def _meet(literal: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    return all(mine == theirs for mine, theirs in zip(literal, parts, strict=False))


def _pattern(line: str) -> _Pattern:
    """One line. Docker cleans a path before it looks for ``!``, and a first slash means nothing."""
    brings_back = line.startswith("!")
    path = posixpath.normpath(line[brings_back:].strip() or "\0").lstrip("/") or "."
    if path == "\0":
        raise ValueError("a ! alone")
    parts = path.split("/")
    literal: list[str] = []
    for part in parts:
        if any(sign in part for sign in "*?[\\"):
            break
        literal.append(part)
    return _Pattern(brings_back, re.compile(_expression(path), re.DOTALL), tuple(literal))


def _expression(path: str) -> str:
    """The regular expression of a pattern. ``**foo`` ends in foo, whatever stands before."""
    if path.startswith("**") and not set(path[2:]) & set("*?[\\"):
        return ".*" + re.escape(path[2:]) if path[2:3] != "/" else "(?:.*/)?" + re.escape(path[3:])
    made, at = "", 0
    while at < len(path):
        sign = path[at]
        if path.startswith("**", at):
            at += 3 if path.startswith("**/", at) else 2
            made += ".*" if at >= len(path) else "(?:.*/)?"
            continue
        if sign == "[":
            text, at = _class(path, at)
            made += text
            continue
        if sign == "\\":
            at += 1
            if at >= len(path):
                raise ValueError("ends with a backslash")
            sign = path[at]
            made += re.escape(sign)
        else:
            made += {"*": "[^/]*", "?": "[^/]"}.get(sign, re.escape(sign))
        at += 1
    return made


def _class(path: str, start: int) -> tuple[str, int]:
    """A class of signs, ``[a-z]`` or ``[^a-z]``, and where it ends."""
    at = start + 1
    negated = path.startswith("^", at)
    at += negated
    inside = ""
    while at < len(path) and (path[at] != "]" or not inside):
        if path[at] == "\\":
            at += 1
        if at >= len(path):
            break
        sign = path[at]
        inside += "-" if sign == "-" and inside else re.escape(sign)
        at += 1
    if at >= len(path) or not inside:
        raise ValueError("a class that does not end")
    return f"[{'^' if negated else ''}{inside}]", at + 1
