"""An image with other code: what lies below the project's layers stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cogsmith.errors import OciError
from cogsmith.image.labels import SCHEMA_LABEL, canonical
from cogsmith.image.recipe import Recipe
from cogsmith.oci import Digest, History, Image, Layer

__all__ = ["with_project"]


def with_project(
    image: Image, count: int, project: Sequence[tuple[Recipe, Layer]], schema: Mapping[str, Any]
) -> Image:
    """The image that a plan makes which differs in the project's files and schema alone.

    ``count`` layers of ``image`` are below the project's. Bit for bit it is what ``assemble``
    gives; raises OciError for an image that we would write in another way.
    """
    if Digest.of(replace(image.config).render()) != image.manifest.config.digest:
        raise OciError("is not an image of this version", where=str(image.digest))
    above = len(image.layers) - count
    below, past = image.layers[:count], image.config.history[: len(image.config.history) - above]
    history = tuple(
        History(created=image.config.created, created_by=recipe.created_by, comment="cogsmith")
        for recipe, _ in project
    )
    container = image.config.config
    labels = {**container.labels, SCHEMA_LABEL: canonical(schema)}
    config = replace(
        image.config, config=replace(container, labels=labels), history=(*past, *history)
    )
    layers = (*below, *(layer for _, layer in project))
    return Image.of(config, layers, annotations=image.manifest.annotations)
