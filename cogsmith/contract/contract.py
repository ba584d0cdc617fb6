"""What callers of a model may rely on."""

from __future__ import annotations

from dataclasses import dataclass

from cogsmith.signature import Signature

__all__ = ["Contract"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A model that predicts, trains, or both."""

    predict: Signature | None
    train: Signature | None = None
