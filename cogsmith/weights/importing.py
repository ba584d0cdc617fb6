"""What an import would do, and what it makes: wanted files → layers → a lock entry. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cogsmith.weights.artifact import lock_weight
from cogsmith.weights.drift import changes
from cogsmith.weights.files import WeightFile
from cogsmith.weights.listing import Listed, Listing
from cogsmith.weights.lock import LockedWeight, Provenance
from cogsmith.weights.pack import PackedLayer
from cogsmith.weights.source import Wanted

__all__ = ["ImportPlan", "locked", "plan_import", "provenance"]

Status = Literal["new", "unchanged", "config-changed", "upstream-changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What an import of one weight would take, and how that differs from what is locked."""

    wanted: Wanted
    listing: Listing
    taken: tuple[Listed, ...]
    left: tuple[Listed, ...]
    status: Status
    changes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The bytes of the files that are taken, as far as they are known."""
        return sum(file.size or 0 for file in self.taken)


def plan_import(wanted: Wanted, listing: Listing, before: LockedWeight | None) -> ImportPlan:
    """What to import of a source. Raises WeightsError when the patterns take nothing."""
    taken, left = listing.chosen(wanted.include, wanted.exclude)
    status: Status = "new"
    told: tuple[str, ...] = ()
    if before is not None:
        told, status = changes(wanted, before), "config-changed"
    if before is not None and not told:
        old = before.sources[0].fingerprint
        same = listing.fingerprint in ("", old)
        status = "unchanged" if same else "upstream-changed"
        told = () if same else (f"fingerprint: {old} → {listing.fingerprint}",)
    return ImportPlan(
        wanted=wanted, listing=listing, taken=taken, left=left, status=status, changes=told
    )


def provenance(plan: ImportPlan, files: Sequence[WeightFile], now: str) -> Provenance:
    """Where the files of an import at ``now`` (RFC 3339) came from."""
    return Provenance(
        uri=plan.wanted.source.uri,
        fingerprint=plan.listing.fingerprint_of(tuple(files)),
        include=plan.wanted.include,
        exclude=plan.wanted.exclude,
        imported_at=now,
    )


def locked(plan: ImportPlan, source: Provenance, packed: Sequence[PackedLayer]) -> LockedWeight:
    """What stands in weights.lock after an import."""
    return lock_weight(plan.wanted, source, packed)
