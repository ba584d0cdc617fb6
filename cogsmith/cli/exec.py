"""``cogsmith exec``: a command in a model's environment: on this machine, or in an image."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace

import click

from cogsmith.cli import image_word, options
from cogsmith.cli.console import Console
from cogsmith.cli.environment import prepared
from cogsmith.cli.local import choose
from cogsmith.cli.settings import variables
from cogsmith.errors import UsageError


@click.command("exec", context_settings={"allow_interspersed_args": False})
@click.option(
    "-f",
    "--file",
    "file",
    metavar="PATH",
    help="The config file, or a model's name.  [default: cog.yaml here or above]",
)
@click.option(
    "--image", metavar="IMAGE", help="Run it in a container of this image, gone afterwards."
)
@click.option(
    "-p",
    "--publish",
    "ports",
    type=click.IntRange(1, 65535),
    multiple=True,
    metavar="PORT",
    help="For an image: a port of the container that this machine gets, at the same number.",
)
@options.env
@click.argument("words", nargs=-1, required=True, metavar="COMMAND...")
@options.locked
@options.progress
@image_word.for_containers
def command(
    file: str | None, image: str | None, ports: tuple[int, ...], env: tuple[str, ...],
    words: tuple[str, ...], locked: bool, console: Console,
) -> None:  # fmt: skip
    """Run a command with a model's packages: here, or in an image.

    The command takes the place of this process: its input, output and exit code are the
    command's own. It runs in the folder where you are. With --image it runs in the image's
    folder, in a container that has your terminal.

    \b
    Examples:
      cogsmith exec python                     a Python with the model's packages
      cogsmith exec -f llava python script.py
      cogsmith exec --image me/model:1 bash
    """  # noqa: D301 - the one escape is meant: click keeps the lines after it
    given = variables(env)
    if image:
        sys.exit(_in_image(image, file, ports, given, words, console))
    if ports:
        console.note("-p has no effect: nothing runs in a container here, ports are this machine's")
    image_word.without_effect(console)
    loaded = choose(None, file)
    home = prepared(loaded, console, locked=locked)
    path = os.pathsep.join([str(home.python.parent), os.environ.get("PATH", os.defpath)])
    program = shutil.which(words[0], path=path)
    if program is None:
        raise UsageError(
            f"there is no program {words[0]!r}",
            hint=f"it was looked for in {home.python.parent} and in your PATH",
        )
    inside = {"PATH": path, "VIRTUAL_ENV": str(home.folder)}
    here = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    os.execve(
        program,
        list(words),
        {**here, **home.variables, **loaded.config.variables(), **inside, **given},
    )


def _in_image(
    image: str, file: str | None, ports: tuple[int, ...], given: dict[str, str],
    words: tuple[str, ...], console: Console,
) -> int:  # fmt: skip
    """Run it in a container; its exit code. Raises DockerError."""
    from cogsmith.cli.containers import an_engine, find_image, launch_of  # for images alone
    from cogsmith.container import Port, attached

    if file:
        raise UsageError(
            f"both --image ({image}) and -f ({file}) are given", hint="one of them is enough"
        )
    image_word.without_effect(console, image=True)
    with an_engine() as engine:
        found = find_image(image, engine, console)
        launch = launch_of(found, given, image_word.gpus())
        published = tuple(Port(inside=port, outside=port) for port in ports)
        return attached(engine, replace(launch, command=words, ports=published), console.note)
