"""How far an image is: what is told of each of its layers while it is assembled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from cogsmith.values import dataclass

__all__ = ["LayerProgress", "Tell", "silent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerProgress:
    """One layer: it was ``known`` already, is in the ``making``, or is ``made`` now.

    ``done`` of ``total`` bytes, about: what is counted is what is written, and ``total`` is what
    has to be read.
    """

    title: str
    state: Literal["known", "making", "made"]
    done: int
    total: int


Tell = Callable[[LayerProgress], None]


def silent(_: LayerProgress) -> None:
    """Tell nobody."""
