"""The options that several commands share, each written once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

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


def progress(function: F) -> F:
    """``--progress``: how the work is shown on standard error."""
    return click.option(
        "--progress", type=click.Choice(["auto", "tty", "plain", "quiet"]), default="auto",
        envvar="COGSMITH_PROGRESS", show_default=True,
        help="How progress is shown: bars, plain lines, or not at all.",
    )(function)  # fmt: skip
