"""What an image says of itself: Cog's labels, OCI's annotations, and a few of our own.

Cog's names and what they hold are those of its builder (pkg/image/build.go of Cog 0.16 to 0.23);
Replicate and other hosts read them without starting the image.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cogsmith import __version__

if TYPE_CHECKING:
    from cogsmith.config import ModelConfig
    from cogsmith.environment import Wheel
    from cogsmith.image.base_image import Base
    from cogsmith.image.plan import Ingredients

__all__ = ["RECIPES", "SCHEMA_LABEL", "annotations_of", "canonical", "freeze", "labels_of"]

COG = "run.cog."
OURS = "run.cogsmith."
OCI = "org.opencontainers.image."
SCHEMA_LABEL = f"{COG}openapi_schema"

RECIPES = 1  # goes up when the same ingredients would make other layers


def labels_of(ingredients: Ingredients) -> dict[str, str]:
    """The labels of an image, none of which depends on where or when it is built."""
    wheels, base = ingredients.wheels, ingredients.base
    cog = next((wheel.version for wheel in wheels if wheel.name == "cog"), "")
    last = base.image.config.diff_ids[-1:]
    made = {
        f"{COG}version": cog or __version__,
        f"{COG}config": _config(ingredients.config),
        SCHEMA_LABEL: canonical(ingredients.schema),
        f"{COG}pip_freeze": freeze(wheels),
        f"{COG}has_init": "true",
        f"{COG}cog-base-image-name": base.reference,
        f"{COG}cog-base-image-last-layer-sha": "".join(map(str, last)),
        f"{COG}cog-base-image-last-layer-idx": str(len(base.image.layers) - 1),
        f"{OURS}version": __version__,
        f"{OURS}recipes": str(RECIPES),
        f"{OURS}lock": ingredients.lock,
        **_origin(base),
    }
    return {name: value for name, value in made.items() if value} | dict(ingredients.labels)


def annotations_of(base: Base, labels: Mapping[str, str]) -> dict[str, str]:
    """The manifest's annotations: where the image begins, and OCI's of the author's labels."""
    told = {name: value for name, value in labels.items() if name.startswith(OCI)}
    return _origin(base) | told


def freeze(wheels: tuple[Wheel, ...]) -> str:
    """The packages as ``pip freeze`` writes them, sorted by name.

    What was asked for by a URL shows where it is from, if that is no place of this machine.
    """
    return "\n".join(_pinned(wheel) for wheel in sorted(wheels, key=lambda wheel: wheel.name))


def _pinned(wheel: Wheel) -> str:
    url = str((wheel.direct_url or {}).get("url", ""))
    away = url.startswith(("https://", "http://", "git+", "ssh://"))
    return f"{wheel.name} @ {url}" if away else f"{wheel.name}=={wheel.version}"


def _origin(base: Base) -> dict[str, str]:
    return {f"{OCI}base.name": base.reference, f"{OCI}base.digest": str(base.image.digest)}


def _config(config: ModelConfig) -> str:
    """cog.yaml as JSON: what was asked for, and the version of Python, which counts anyway."""
    asked = config.model_dump(mode="json", exclude_defaults=True)
    build = {"python_version": config.build.python_version, **asked.get("build", {})}
    return canonical({**asked, "build": build})


def canonical(value: object) -> str:
    """JSON in one form: the same value is the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
