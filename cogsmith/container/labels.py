"""What an image says of the model in it, in its labels: ours, Cog's, and Cog's first ones.

Cog named its labels ``org.cogmodel.*`` before 0.6, and ``run.cog.*`` since.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Packaged"]

COGS = ("run.cog.", "org.cogmodel.")
OURS = "run.cogsmith.version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaged:
    """A model in an image, as its labels tell of it.

    ``schema`` is its OpenAPI document, {} where no label has one: then only its server knows.
    ``gpu``: it was built for one. ``ours`` and ``cogs``: whose server is inside; with neither it
    is anybody's, who speaks Cog's HTTP API.
    """

    schema: Mapping[str, Any] = field(default_factory=dict, repr=False)
    gpu: bool = False
    ours: bool = False
    cogs: bool = False

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> Packaged:
        """Read labels; what is none of JSON's objects says nothing."""
        config = _object(labels, "config")
        build = config.get("build")
        ours = OURS in labels
        return cls(
            schema=_object(labels, "openapi_schema"),
            gpu=isinstance(build, dict) and build.get("gpu") is True,
            ours=ours,
            cogs=not ours and any(name.startswith(COGS) for name in labels),
        )

    def training(self) -> tuple[str, ...] | None:
        """The command that a training needs; None: the image's own serves trainings, too.

        Cog's server does either the one or the other.
        """
        return ("python", "-m", "cog.server.http", "--x-mode", "train") if self.cogs else None


def _object(labels: Mapping[str, str], name: str) -> Mapping[str, Any]:
    text = next((labels[prefix + name] for prefix in COGS if labels.get(prefix + name)), "{}")
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
