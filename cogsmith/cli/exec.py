"""``cogsmith exec``: a command in a model's environment, on this machine."""

from __future__ import annotations

import os
import shutil

import click

from cogsmith.cli import options
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
@options.env
@click.argument("words", nargs=-1, required=True, metavar="COMMAND...")
@options.locked
@options.progress
@options.of_images
def command(
    file: str | None, env: tuple[str, ...], words: tuple[str, ...], locked: bool, console: Console
) -> None:
    """Run a command with the packages and variables of a model, on this machine.

    The command takes the place of this process: its input, output and exit code are the
    command's own. It runs in the folder where you are.

    \b
    Examples:
      cogsmith exec python                     a Python with the model's packages
      cogsmith exec -f llava python script.py
    """  # noqa: D301 - the one escape is meant: click keeps the lines after it
    given = variables(env)
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
