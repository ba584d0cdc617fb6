"""The options that several commands share, each written once."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from cogsmith.cli.console import Console

F = TypeVar("F", bound=Callable[..., Any])


def model(function: F) -> F:
    """``[MODEL]`` and ``-f``: which config file, by name or by path."""
    return _model(function, "[MODEL]")


def model_or_image(function: F) -> F:
    """As ``model``, where an image may take a model's place."""
    return _model(function, "[MODEL|IMAGE]")


def _model(function: F, metavar: str) -> F:
    argument = click.argument("model", required=False, metavar=metavar)
    option = click.option(
        "-f", "--file", "file", metavar="PATH",
        help="The config file; works from any folder.  [default: cog.yaml here or above]",
    )  # fmt: skip
    return argument(option(function))


def locked(function: F) -> F:
    """``--locked``: a lock that does not answer the requirements is an error."""
    return click.option(
        "--locked", is_flag=True, envvar="COGSMITH_LOCKED",
        help="Fail when pylock.toml is missing or does not answer the requirements (for CI).",
    )(function)  # fmt: skip


def env(function: F) -> F:
    """``-e``: environment variables, still in words."""
    return click.option(
        "-e", "--env", "env", multiple=True, metavar="NAME=VALUE",
        help="An environment variable for what is run; NAME alone passes yours on.",
    )(function)  # fmt: skip


def progress(function: F) -> F:
    """``--progress``: how the work is shown; the command gets the console that shows it so."""
    return click.option(
        "--progress", "console", type=click.Choice(["auto", "tty", "plain", "quiet", "json"]),
        default="auto", envvar="COGSMITH_PROGRESS", show_default=True,
        callback=lambda _context, _option, value: _console(value),
        is_eager=True,  # before the options that have something to say
        help="How progress is shown: bars, plain lines, not at all, or JSON for programs.",
    )(function)  # fmt: skip


def _console(progress: str) -> Console:
    if progress == "json":
        os.environ["COGSMITH_PROGRESS"] = progress  # the outer wall hears of it, too
    return Console.of_terminal(progress)


def of_images(function: F) -> F:
    """Cog's options for containers and images: taken, and said to have no effect here.

    They stand below ``progress``, whose console says it.
    """
    for option in (
        click.option("--use-cuda-base-image", metavar="BOOL", **_without_effect(NO_CONTAINER)),
        click.option("--use-cog-base-image", is_flag=True, **_without_effect(NO_CONTAINER)),
        click.option("--gpus", metavar="GPUS", **_without_effect(NO_CONTAINER)),
    ):
        function = option(function)
    return function


def of_builds(function: F) -> F:
    """What ``build`` and ``push`` share: how the image is made. Cog's own flags come last."""
    for option in reversed(_OF_BUILDS):
        function = option(function)
    return function


def _without_effect(reason: str) -> dict[str, Any]:
    """An option that is taken, and said to change nothing when it is given."""

    def say(context: click.Context, option: click.Parameter, value: object) -> None:
        if value:
            console: Console = context.params["console"]
            console.note(f"{option.opts[0]} has no effect: {reason}")

    return {"expose_value": False, "callback": say, "help": "Cog's; no effect here."}


NO_CONTAINER = "nothing runs in a container here"
NO_CUDA_BASE = "CUDA comes with the model's packages, and the base image is --base-image"
BYTE_CODE = "every image has its packages' byte code"

_OF_BUILDS: tuple[Callable[[Any], Any], ...] = (
    progress,
    click.option(
        "--platform", "platforms", multiple=True, metavar="OS/ARCH",
        help="linux/amd64 or linux/arm64; several make one name for all of them.  "
        "[default: linux/amd64]",
    ),
    click.option(
        "--base-image", "base", metavar="IMAGE", envvar="COGSMITH_BASE_IMAGE",
        help="The image to begin with; it has the model's Python.  [default: python:X.Y-slim]",
    ),
    click.option(
        "--accelerator", type=click.Choice(["cpu", "cuda"]),
        help="Whether packages come as CUDA or CPU builds.  [default: as build.gpu says]",
    ),
    click.option("--no-cache", is_flag=True, help="Make every layer anew, also those known."),
    click.option("--pull", is_flag=True, help="Ask the registry for a newer base image."),
    click.option(
        "--separate-weights", "separate", is_flag=True,
        help="Cog's; weights, and what lies beside them, always have layers apart from the code.",
    ),
    click.option(
        "--openapi-schema", "schema", metavar="FILE",
        help="Take the OpenAPI document from a file, not from the predictor's source.",
    ),
    click.option(
        "--timestamp", type=click.IntRange(min=-1), metavar="SECONDS", envvar="SOURCE_DATE_EPOCH",
        help="The time of all files in the image, since 1970.  [default: 2000-01-01]",
    ),
    locked,
    click.option(
        "--builder", type=click.Choice(["native", "docker", "buildah", "podman"]),
        default="native", envvar="COGSMITH_BUILDER", show_default=True,
        help="Who runs run, pre_install and apt; native runs nothing.",
    ),
    click.option(
        "--secret", "secrets", multiple=True, metavar="id=ID,src=PATH",
        help="A secret for commands that mount it (or env=NAME); it never is in the image.",
    ),
    click.option(
        "--network", metavar="NAME", envvar="COGSMITH_BUILD_NETWORK",
        help="The network of commands: host is this machine's.  [default: the builder's]",
    ),
    click.option("--use-cuda-base-image", metavar="BOOL", **_without_effect(NO_CUDA_BASE)),
    click.option("--use-cog-base-image", is_flag=True, **_without_effect(NO_CUDA_BASE)),
    click.option("--precompile", is_flag=True, **_without_effect(BYTE_CODE)),
    click.option(
        "--strip", is_flag=True, **_without_effect("packages stay as they were published")
    ),
    click.option(
        "--skip-schema-validation", is_flag=True,
        **_without_effect("the document is made by us, or taken as it is"),
    ),
)  # fmt: skip
