"""Versions of packages, and how they are ordered: deb-version(7)."""

from __future__ import annotations

import re
from functools import total_ordering
from itertools import zip_longest

from cogsmith.values import dataclass

__all__ = ["Version", "satisfies"]

_RUNS = re.compile(r"([^0-9]*)([0-9]*)")
_END = ((0,), 0)  # what stands after the last run: more than a tilde, less than all else


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A version as it is written; ``1.0`` and ``0:1.0-0`` are equal.

    >>> Version("1.0~rc1") < Version("1.0") < Version("1.0+b1") < Version("1:0.1")
    True
    """

    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and _compare(self.text, other.text) == 0

    def __lt__(self, other: Version) -> bool:
        return _compare(self.text, other.text) < 0

    def __hash__(self) -> int:
        epoch, upstream, revision = _parts(self.text)
        return hash((epoch, _trimmed(upstream), _trimmed(revision)))


def satisfies(version: str, relation: str, wanted: str) -> bool:
    """Whether a version stands in a relation (``>=``, ``<<``, ...) to another.

    >>> satisfies("2.39-1", ">=", "2.36")
    True
    """
    order = _compare(version, wanted)
    return {
        "<<": order < 0, "<": order <= 0, "<=": order <= 0, "=": order == 0,
        ">=": order >= 0, ">": order >= 0, ">>": order > 0,
    }[relation]  # fmt: skip


def _parts(text: str) -> tuple[int, str, str]:
    epoch, colon, rest = text.partition(":")
    if not colon:
        epoch, rest = "0", text
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return (int(epoch) if epoch.isdecimal() else 0), upstream, revision


def _runs(text: str) -> list[tuple[tuple[int, ...], int]]:
    """Words and numbers in turn, as they are compared."""
    found = [(word, digits) for word, digits in _RUNS.findall(text) if word or digits]
    return [((*map(_rank, word), 0), int(digits or 0)) for word, digits in found]


def _rank(letter: str) -> int:
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256


def _trimmed(text: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    runs = _runs(text)
    while runs and runs[-1] == _END:
        runs.pop()
    return tuple(runs)


def _compare(one: str, other: str) -> int:
    if one == other:
        return 0
    (epoch, *ours), (other_epoch, *theirs) = _parts(one), _parts(other)
    if epoch != other_epoch:
        return -1 if epoch < other_epoch else 1
    for mine, yours in zip(ours, theirs, strict=True):
        for left, right in zip_longest(_runs(mine), _runs(yours), fillvalue=_END):
            if left != right:
                return -1 if left < right else 1
    return 0
