"""The options that several commands share, each written once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from cogsmith.cli.console import Console

F = TypeVar("F", bound=Callable[..., Any])


def model(function: F) -> F:
    """``[MODEL]`` and ``-f``: which config file, by name or by path."""
    argument = click.argument("model", required=False, metavar="[MODEL]")
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
        "--progress", "console", type=click.Choice(["auto", "tty", "plain", "quiet"]),
        default="auto", envvar="COGSMITH_PROGRESS", show_default=True,
        callback=lambda _context, _option, value: Console.of_terminal(value),
        is_eager=True,  # before the options that have something to say
        help="How progress is shown: bars, plain lines, or not at all.",
    )(function)  # fmt: skip


def of_images(function: F) -> F:
    """Cog's options for containers and images: taken, and said to have no effect here.

    They stand below ``progress``, whose console says it.
    """
    for option in (
        click.option("--use-cuda-base-image", metavar="BOOL", **_WITHOUT_EFFECT),
        click.option("--use-cog-base-image", is_flag=True, **_WITHOUT_EFFECT),
        click.option("--gpus", metavar="GPUS", **_WITHOUT_EFFECT),
    ):
        function = option(function)
    return function


def _without_effect(context: click.Context, option: click.Parameter, value: object) -> None:
    """Say of an option that was given that it changes nothing."""
    if value:
        console: Console = context.params["console"]
        console.note(f"{option.opts[0]} has no effect: nothing runs in a container here")


_WITHOUT_EFFECT: dict[str, Any] = {
    "expose_value": False, "callback": _without_effect,
    "help": "Cog's, for containers; no effect here.",
}  # fmt: skip
