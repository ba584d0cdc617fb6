"""Whether a word names an image or a model of this repository; and Cog's options of containers.

It costs nothing where no image is meant: engines and stores are asked by ``containers`` alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from cogsmith.cli.console import Console
from cogsmith.config import find
from cogsmith.errors import ConfigError

__all__ = ["for_containers", "gpus", "image_named", "without_effect"]

YAML = (".yaml", ".yml")
NOTHING = "nothing runs in a container here"
BUILT = "the image is built already"
GPUS = "--gpus"
OF_BUILDS = ("--use-cog-base-image", "--use-cuda-base-image")

F = TypeVar("F", bound=Callable[..., Any])


def image_named(word: str | None, file: str | None) -> str | None:
    """The image that a word names; None where it names a model, or nothing is named.

    A file that is there, or a name that ends in .yaml, is a config's. What has one of / : @ in it
    is an image's. Any other word is a model's of this repository, and an image's if the store or
    the engine has one so called.
    """
    if word is None or file or "=" in word or word.endswith(YAML):
        return None
    if re.search(r"[/:@]", word):
        return None if Path(word).exists() else word
    try:
        find(word, Path.cwd())
    except ConfigError:
        from cogsmith.cli.containers import is_here  # an engine is asked only for such a word

        return word if is_here(word) else None
    return None


def for_containers(function: F) -> F:
    """``--gpus``, and Cog's options for images, which have no effect on one that is built."""
    for option in (
        click.option("--use-cuda-base-image", metavar="BOOL", **_kept("Cog's; no effect here.")),
        click.option("--use-cog-base-image", is_flag=True, **_kept("Cog's; no effect here.")),
        click.option(
            GPUS, metavar="GPUS",
            **_kept("GPUs for an image's container, as docker run --gpus.  [default: as built]"),
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def gpus() -> str | None:
    """What ``--gpus`` asks for; None where it was not given."""
    told: str | None = _given().get(GPUS)
    return told


def without_effect(console: Console, *, image: bool = False) -> None:
    """Say of each option that was given and changes nothing that it does."""
    names = OF_BUILDS if image else (GPUS, *OF_BUILDS)
    for name in names:
        if _given().get(name):
            console.note(f"{name} has no effect: {BUILT if image else NOTHING}")


def _given() -> dict[str, Any]:
    found: dict[str, Any] = click.get_current_context().meta.setdefault(__name__, {})
    return found


def _kept(text: str) -> dict[str, Any]:
    """An option that the command gets no parameter for: it is asked of here."""

    def keep(context: click.Context, option: click.Parameter, value: object) -> None:
        context.meta.setdefault(__name__, {})[option.opts[0]] = value

    return {"expose_value": False, "callback": keep, "help": text}
