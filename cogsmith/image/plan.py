"""The plan of an image: what it is made of, and how it is run, as data.

Nothing is made here and nothing is read. The same plan can be assembled by us or be written as a
Dockerfile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime, timezone
from typing import Any, get_args

from cogsmith.config import ModelConfig
from cogsmith.environment import Wheel
from cogsmith.errors import OciError
from cogsmith.image.base_image import Base
from cogsmith.image.code import PROJECT
from cogsmith.image.labels import annotations_of, labels_of
from cogsmith.image.recipe import Kind, Recipe
from cogsmith.image.server import HEALTH, START
from cogsmith.image.skeleton import skeleton
from cogsmith.image.users import User, user_of
from cogsmith.image.venv import Venv
from cogsmith.oci import EPOCH, MAX_LAYERS, SECOND, ContainerConfig, Healthcheck
from cogsmith.values import dataclass

__all__ = ["MOST_LAYERS", "Budget", "Ingredients", "Plan", "budget_of", "plan"]

# Of the 125 that Docker's engine takes: who builds FROM our image has the rest.
MOST_LAYERS = 100

PORT = "5000/tcp"
ORDER: tuple[Kind, ...] = get_args(Kind)

# How long a model may load before a container that does not answer counts as ill: half an
# hour, as a large language model's weights may have to come first.
PATIENCE = 1800 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many layers each kind may have at most."""

    system: int
    server: int
    wheel: int
    bytecode: int
    weights: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredients:
    """What a plan is made from.

    ``recipes`` are the layers of wheels, byte code, system packages, the server, weights and the
    project, in any order of kinds. ``wheels`` are the author's (for ``pip freeze``), ``lock`` is
    the hash of their lock, ``schema`` the OpenAPI document, ``name`` what the model is called.
    ``labels`` are more labels, which win, and ``variables`` more of the environment, below the
    author's. ``mtime`` is the time of everything, in seconds.
    """

    config: ModelConfig
    schema: Mapping[str, Any] = field(hash=False)
    base: Base
    venv: Venv
    recipes: tuple[Recipe, ...]
    wheels: tuple[Wheel, ...] = ()
    lock: str = ""
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    variables: Mapping[str, str] = field(default_factory=dict, hash=False)
    mtime: int = EPOCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An image that is not made yet: the base, the layers on it from below, and how it is run.

    ``created`` is RFC 3339, and the same for the same ingredients.
    """

    base: Base
    recipes: tuple[Recipe, ...]
    container: ContainerConfig
    annotations: Mapping[str, str] = field(hash=False)
    created: str


def budget_of(base: Base) -> Budget:
    """How the layers above a base are shared out, so that the whole stays below MOST_LAYERS.

    Raises OciError for a base that has nearly all of them itself.
    """
    free = MOST_LAYERS - len(base.image.layers) - 10  # system, server, skeleton, code
    if free < 12:
        message = f"the base image has {len(base.image.layers)} layers, and an image of ours needs"
        hint = "choose a --base-image with fewer layers"
        raise OciError(f"{message} 22 of {MOST_LAYERS}", where=base.reference, hint=hint)
    weights = min(12, free // 4)
    # Byte code follows wheels: with few layers of it, a small package's means that of many.
    bytecode = min(32, max(free // 4, free - weights - 44))
    return Budget(
        system=4, server=4, weights=weights, bytecode=bytecode,
        wheel=min(44, free - weights - bytecode),
    )  # fmt: skip


def plan(ingredients: Ingredients) -> Plan:
    """The plan of a model's image. Raises OciError for more layers than engines take."""
    base, venv = ingredients.base, ingredients.venv
    user = user_of(base, venv.interpreter)
    mine = skeleton(venv, user, base.system, ingredients.mtime)
    recipes = _ordered([mine, *ingredients.recipes])
    count = len(base.image.layers) + len(recipes)
    if count > MAX_LAYERS:
        message = f"the image would have {count} layers, and engines take {MAX_LAYERS}"
        raise OciError(message, where=base.reference, hint="choose a --base-image with fewer")
    return Plan(
        base=base,
        recipes=recipes,
        container=_container(ingredients, user),
        annotations=annotations_of(base, ingredients.labels),
        created=_moment(ingredients.mtime),
    )


def _ordered(recipes: Iterable[Recipe]) -> tuple[Recipe, ...]:
    """From below: by kind, then as given. What comes twice is one layer."""
    once = {recipe.key: recipe for recipe in recipes}
    return tuple(sorted(once.values(), key=lambda recipe: ORDER.index(recipe.kind)))


def _container(ingredients: Ingredients, user: User) -> ContainerConfig:
    """How it is run. The base's own entrypoint goes: it would run before our init."""
    base = ingredients.base.image.config.config
    interpreter = ingredients.venv.interpreter
    return ContainerConfig(
        user=user.named,
        exposed_ports=tuple(sorted({*base.exposed_ports, PORT})),
        env=tuple(f"{name}={value}" for name, value in _environment(ingredients, user).items()),
        cmd=(interpreter, *START),
        volumes=base.volumes,
        working_dir=PROJECT,
        labels={**base.labels, **labels_of(ingredients)},
        stop_signal="SIGTERM",
        healthcheck=Healthcheck(
            test=("CMD", interpreter, *HEALTH),
            interval=10 * SECOND, timeout=5 * SECOND, start_period=PATIENCE, retries=3,
        ),
    )  # fmt: skip


def _environment(ingredients: Ingredients, user: User) -> dict[str, str]:
    """The base's variables, then ours, then the author's. Byte code may be written."""
    config, venv = ingredients.config, ingredients.venv
    theirs = ingredients.base.image.config.config.environment
    usual = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    path = f"{venv.folder}/bin:{theirs.get('PATH') or usual}"
    made = {**theirs, "PATH": path, "PYTHONUNBUFFERED": "1", "HOME": user.home}
    made.pop("PYTHONDONTWRITEBYTECODE", None)
    made["COGSMITH_PYTHON"] = venv.program
    made["COGSMITH_MODEL"] = ingredients.name or "model"
    stubs = {"COG_PREDICT_TYPE_STUB": config.predictor, "COG_TRAIN_TYPE_STUB": config.train}
    made.update({name: value for name, value in stubs.items() if value})
    if config.concurrency:
        made["COG_MAX_CONCURRENCY"] = str(config.max_concurrency)
    if config.build.gpu:
        # Of the driver's libraries those that a model needs; "all" would bring the screen's, too.
        made["NVIDIA_VISIBLE_DEVICES"] = "all"
        made["NVIDIA_DRIVER_CAPABILITIES"] = "compute,utility"
    return made | dict(ingredients.variables) | config.variables()


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
