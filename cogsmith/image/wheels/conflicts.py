"""Wheels that want one path for different things, found by their indexes alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from cogsmith.environment import Wheel
from cogsmith.errors import Problem
from cogsmith.image.venv import Place
from cogsmith.image.wheels.archive import Archive
from cogsmith.image.wheels.spread import Placed, paths_of, spread

__all__ = ["Claims", "Spread", "claims", "clashes", "conflicts"]

MAX_PROBLEMS = 20
_HINT = "leave one of the two out of the requirements"

Spread = tuple[Wheel, list[Placed]]
Claims = frozenset[str]


def claims(wheel: Wheel, place: Place) -> Claims:
    """What a wheel wants in a place, in short: wheels without a common claim cannot clash.

    Names at the top of the packages' folder, and whole paths elsewhere; all in small letters.
    """
    with Archive(wheel) as archive:
        paths = paths_of(wheel, archive.members, archive.contents, place)
    site = f"{place.site}/".casefold()
    return frozenset(_claim(path.casefold(), site) for path in paths)


def _claim(path: str, site: str) -> str:
    return path[: path.find("/", len(site)) + 1] or path if path.startswith(site) else path


def conflicts(
    wheels: Iterable[Wheel], place: Place, claimed: Callable[[Wheel], Claims] | None = None
) -> tuple[Problem, ...]:
    """Each path that two wheels fill differently; the same content twice is fine.

    Programs count, and paths that differ in capital letters alone. Only indexes are read: sizes
    and CRCs say what differs. Those of 45 wheels with 22,000 files still take most of a second,
    so ``claimed`` may answer from a memory what a wheel claims; only wheels with a common claim
    are looked into. Raises InstallError for a wheel that is broken.
    """
    claimed = claimed or partial(claims, place=place)
    wanted = {wheel: claimed(wheel) for wheel in sorted(wheels, key=lambda wheel: wheel.name)}
    counted = Counter(claim for found in wanted.values() for claim in found)
    shared = {claim for claim, count in counted.items() if count > 1}
    spreads = []
    for wheel, found in wanted.items():
        if not shared.isdisjoint(found):
            with Archive(wheel) as archive:
                spreads.append((wheel, spread(wheel, archive.members, archive.contents, place)))
    return tuple(clashes(spreads))[:MAX_PROBLEMS]


def clashes(spreads: Iterable[Spread]) -> Iterator[Problem]:
    """The same, for wheels that are spread already."""
    seen: dict[str, tuple[Wheel, Placed]] = {}
    for wheel, files in spreads:
        for file in files:
            other, there = seen.setdefault(file.path.casefold(), (wheel, file))
            if other is wheel:
                continue
            if there.path != file.path:
                message = f"{other.name} brings {there.path}, and {wheel.name} {file.path}"
                yield Problem(f"{message}: they differ in capital letters alone", hint=_HINT)
            elif there.content != file.content:
                message = f"{other.name} and {wheel.name} both bring it, and not the same"
                yield Problem(message, f"/{file.path}", _HINT)
