"""Adapters in a registry: each a small artifact of its own, on top of a base that is not touched.

In: an adapter's two files (`cogsmith.engine.AdapterFiles`), the base's image or checkpoint.
Out: an artifact to push, a card that says what is in one, and the files again.
Touches: folders of adapters, and the heads of a base's weights (`files`).
"""

from __future__ import annotations

from cogsmith.adapters.artifact import (
    ARTIFACT_TYPE,
    Base,
    Card,
    Limits,
    artifact,
    blobs,
    card,
)
from cogsmith.adapters.files import base_shapes, installed, save

__all__ = [
    "ARTIFACT_TYPE",
    "Base",
    "Card",
    "Limits",
    "artifact",
    "base_shapes",
    "blobs",
    "card",
    "installed",
    "save",
]
