"""Which wheels share a layer: the large have one each, the small fall into buckets by name.

A wheel's bucket depends on its name alone, so that a new version of one package changes one
layer, and a new package changes one more. The budget decides how many buckets there are, and
what is large; both change in steps of two only, so that sets that differ a little differ in few
layers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from cogsmith.environment import Wheel

__all__ = ["Group", "groups"]

BUCKETS = 16  # a power of two: halved, each bucket is the union of two
LARGE = 1 << 20  # bytes of a wheel that has a layer of its own, when the budget allows

Group = tuple[Wheel, ...]


def groups(wheels: Iterable[Wheel], budget: int) -> tuple[Group, ...]:
    """The wheels by layer: those alone, the largest first, then the buckets; at most ``budget``."""
    ordered = sorted(wheels, key=lambda wheel: (wheel.name, wheel.sha256))
    most = _buckets(max(budget, 1))
    limit = LARGE
    while _number(ordered, limit, most) > max(budget, 1):
        limit *= 2
    alone = sorted((w for w in ordered if w.size >= limit), key=_rank)
    return (*((wheel,) for wheel in alone), *_filled([w for w in ordered if w.size < limit], most))


def _buckets(budget: int) -> int:
    """How many buckets: half of the budget at most, so that there is room for large wheels."""
    number = BUCKETS
    while number > 1 and number > budget // 2:
        number //= 2
    return number


def _number(wheels: Sequence[Wheel], limit: int, most: int) -> int:
    alone = sum(wheel.size >= limit for wheel in wheels)
    return alone + len({bucket(wheel.name, most) for wheel in wheels if wheel.size < limit})


def _filled(wheels: Iterable[Wheel], most: int) -> list[Group]:
    found: dict[int, list[Wheel]] = {}
    for wheel in wheels:
        found.setdefault(bucket(wheel.name, most), []).append(wheel)
    return [tuple(found[number]) for number in sorted(found)]


def bucket(name: str, most: int) -> int:
    """The bucket of a wheel of this name, among so many (a power of two)."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % most


def _rank(wheel: Wheel) -> tuple[int, str]:
    """Large before small, in steps of two: a new version seldom changes the order of layers."""
    return -wheel.size.bit_length(), wheel.name
