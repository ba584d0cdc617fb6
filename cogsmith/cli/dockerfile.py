"""``cogsmith dockerfile``: what is run in a model's image while it is built."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from cogsmith.cli import options
from cogsmith.cli.console import Console
from cogsmith.cli.local import choose
from cogsmith.cli.output import destination, saved
from cogsmith.cli.request import base_of, minor_of
from cogsmith.image import DockerSettings, dockerfile

F = TypeVar("F", bound=Callable[..., Any])


def of_cog(function: F) -> F:
    """The options of ``cog debug``: taken, and of no effect on what is run."""
    for name in ("--separate-weights", "--use-cog-base-image"):
        function = click.option(name, is_flag=True, expose_value=False, hidden=True)(function)
    for name in ("--image-name", "--timestamp", "--use-cuda-base-image"):
        function = click.option(name, metavar="VALUE", expose_value=False, hidden=True)(function)
    return function


@click.command("dockerfile")
@options.model
@click.option(
    "--base-image", "base", metavar="IMAGE", envvar="COGSMITH_BASE_IMAGE",
    help="The image to begin with; it has the model's Python.  [default: python:X.Y-slim]",
)  # fmt: skip
@of_cog
@click.option("-o", "--output", metavar="PATH", help="Write it there instead of printing it.")
def command(model: str | None, file: str | None, base: str | None, output: str | None) -> None:
    """Print the Dockerfile of what --builder docker runs.

    System packages, pre_install and run are in it. Python packages, the server, weights and code
    are not: those layers are made without running anything, by either builder, and comments say
    where they come. Nothing is built, and neither Docker nor a network is needed.
    """
    loaded = choose(model, file)
    target = destination(output, "Dockerfile")
    settings = DockerSettings.of("docker", (), os.environ)
    text = dockerfile(
        loaded.config, base_of(base, loaded).familiar, minor_of(loaded),
        certificates=settings.certificates,
    )  # fmt: skip
    if target is None:
        print(text, end="")
        return
    with saved(target) as stream:
        stream.write(text)
    Console.of_terminal().note(f"Written output to: {target}")
