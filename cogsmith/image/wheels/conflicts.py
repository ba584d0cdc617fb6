"""Wheels that want one path for different things, found by their indexes alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cogsmith.environment import Wheel
from cogsmith.errors import Problem
from cogsmith.image.venv import Place
from cogsmith.image.wheels.archive import Archive
from cogsmith.image.wheels.spread import Placed, spread

__all__ = ["Spread", "clashes", "conflicts"]

MAX_PROBLEMS = 20
_HINT = "leave one of the two out of the requirements"

Spread = tuple[Wheel, list[Placed]]


def conflicts(wheels: Iterable[Wheel], place: Place) -> tuple[Problem, ...]:
    """Each path that two wheels fill differently; the same content twice is fine.

    Programs count, and paths that differ in capital letters alone. Only indexes are read:
    sizes and CRCs say what differs. For 45 wheels of 22,000 files that still takes most of a
    second, so ask once for each set of wheels: when ``wheels_key`` of it is not yet known to
    be free of conflicts. Raises InstallError for a wheel that is broken.
    """
    spreads = []
    for wheel in sorted(wheels, key=lambda wheel: wheel.name):
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
