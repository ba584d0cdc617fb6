"""What a case is played on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from cogsmith.cases.case import Answer

__all__ = ["Target"]


class Target(Protocol):
    """A model that answers: in a process of ours, behind a URL, in a container with a URL."""

    @property
    def where(self) -> str:
        """Where it runs, for people."""

    @property
    def setup(self) -> float | None:
        """How long it took to be ready in seconds; None where it was there before."""

    async def predict(self, inputs: Mapping[str, Any], timeout: float) -> Answer:
        """One answer; whatever goes wrong is in it. A FileInput stands for a file."""
