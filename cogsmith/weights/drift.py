"""What cog.yaml declares and what weights.lock holds: where the two differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from cogsmith.errors import Problem, WeightsStale
from cogsmith.weights.lock import LOCK_FILE, LockedWeight, WeightsLock
from cogsmith.weights.source import Wanted

__all__ = ["Drift", "changes", "drift", "require"]

Kind = Literal["pending", "config-changed", "orphaned"]
REASONS: dict[Kind, str] = {
    "pending": "has not been imported",
    "config-changed": "has changed since it was imported",
    "orphaned": "is no longer declared",
}


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference: never imported, declared otherwise since, or no longer declared."""

    name: str
    kind: Kind
    details: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The difference in words."""
        said = f'weight "{self.name}" {REASONS[self.kind]}'
        return f"{said} ({'; '.join(self.details)})" if self.details else said


def drift(lock: WeightsLock | None, declared: Sequence[Wanted]) -> tuple[Drift, ...]:
    """All differences: those of declared weights in their order, then what is left over."""
    return tuple(_drift(lock or WeightsLock(), declared))


def require(lock: WeightsLock | None, declared: Sequence[Wanted]) -> WeightsLock:
    """The lock, when it answers the config. Raises WeightsStale with every difference."""
    found = drift(lock, declared)
    if found:
        hint = "run `cogsmith weights import` and commit weights.lock"
        raise WeightsStale([Problem(one.line, LOCK_FILE, hint) for one in found])
    return lock or WeightsLock()


def changes(wanted: Wanted, locked: LockedWeight) -> tuple[str, ...]:
    """What has been declared otherwise since the import, as ``name: old → new``."""
    return tuple(_changes(wanted, locked))


def _drift(lock: WeightsLock, declared: Sequence[Wanted]) -> Iterator[Drift]:
    for wanted in declared:
        locked = lock.find(wanted.name)
        if locked is None:
            yield Drift(wanted.name, "pending")
        elif details := changes(wanted, locked):
            yield Drift(wanted.name, "config-changed", details)
    names = {wanted.name for wanted in declared}
    for locked in lock.weights:
        if locked.name not in names:
            yield Drift(locked.name, "orphaned")


def _changes(wanted: Wanted, locked: LockedWeight) -> Iterator[str]:
    if wanted.target != locked.target:
        yield f"target: {locked.target} → {wanted.target}"
    if len(locked.sources) != 1:
        yield f"sources: {len(locked.sources)} → 1"
        return
    old = locked.sources[0]
    if wanted.source.uri != old.uri:
        yield f"uri: {old.uri} → {wanted.source.uri}"
    for name, before, now in (
        ("include", old.include, wanted.include),
        ("exclude", old.exclude, wanted.exclude),
    ):
        if before != now:
            yield f"{name}: {_shown(before)} → {_shown(now)}"


def _shown(patterns: Sequence[str]) -> str:
    return f"[{' '.join(patterns)}]"
