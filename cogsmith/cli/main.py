"""``cogsmith`` (and ``cog``, the same program): the commands, and the outer wall for errors.

The commands are named here with one line each, and their modules are imported only when
one is asked for, so that ``--help`` costs next to nothing.

Exit codes (DESIGN, D9): 0 fine, 1 a known error, 2 usage, 130 interrupted, 3 our bug.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import click

from cogsmith import __version__
from cogsmith.cli.console import Console
from cogsmith.errors import CogsmithError, UsageError

COMMANDS = {
    "predict": "Run a prediction: without Docker, or with an image.",
    "run": "The same as predict (Cog's newer word).",
    "serve": "Serve a model over HTTP: without Docker, or an image's.",
    "train": "Run a training: without Docker, or with an image.",
    "test": "Run a model's test cases, here or on a server.",
    "check": "Check what a model says of its inputs, and what has changed.",
    "exec": "Run a command with a model's packages: here, or in an image.",
    "init": "Start a new model project here, or one for a model from a hub.",
    "doctor": "Look for what may be in a model's way, and mend what can be mended.",
    "playground": "Open a page in the browser that runs predictions on a model.",
    "models": "List the models of this repository with inputs and outputs.",
    "schema": "Print a model's OpenAPI document, read from its source.",
    "lock": "Pin a model's Python packages in pylock.toml.",
    "build": "Build a model's image, without Docker.",
    "push": "Build a model's image and push it to a registry.",
    "login": "Log in to a container registry.",
    "images": "List the images that were built here.",
    "inspect": "Show what is in an image: layers, labels, inputs.",
    "dockerfile": "Print the Dockerfile of what --builder docker runs.",
    "debug": "The same as dockerfile (Cog's word).",
    "verify": "Check that an image is what this source and lock make.",
    "prune": "Free the room of images, packages and environments not in use.",
    "weights": "Import a model's weights into a registry, pull them, see how they are.",
    "adapters": "Push, pull and look at LoRA adapters, which go on top of a model.",
    "ci": "Write a pipeline for GitHub or GitLab: test, build, push, deploy.",
    "deploy": "Run a model on Compose, Swarm, Kubernetes or KServe, and replace it.",
}
MODULES = {"run": "predict", "debug": "dockerfile"}
FULL = {errno.ENOSPC, errno.EDQUOT}


class ReaderLeft(Exception):
    """Nobody reads our output any more; click would make an exit code of 1 of it."""


class Commands(click.Group):
    """A group that knows its commands by name and imports a module when one is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names, in the order of the road."""
        return list(COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names, or say which one may be meant."""
        name = args[0]
        if name in COMMANDS or name.startswith("-"):
            return super().resolve_command(ctx, args)
        near = _nearest(name, COMMANDS)
        there = f"commands are: {', '.join(COMMANDS)}"
        hint = f'did you mean "{near[0]}"? {there}' if near else there
        raise UsageError(f"No such command '{name}'", hint=hint)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command's module, or answer None for a name that is not there."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"cogsmith.cli.{MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderLeft from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table above, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog='A first answer:  cogsmith predict -i prompt="Once upon a time"',
)
@click.option("--debug", is_flag=True, help="Show what is started, and from which folders.")
@click.option("--no-color", is_flag=True, help="No colors, as with NO_COLOR=1.")
@click.version_option(__version__, "--version", message="cogsmith %(version)s")
def cli(debug: bool, no_color: bool) -> None:
    """Package, run and serve large language models the Cog way.

    A Predictor class declares typed inputs and outputs, cog.yaml says what environment it
    needs, and these commands do the rest.
    """
    if no_color:
        os.environ["NO_COLOR"] = "1"  # what we start hears of it, too
    if debug:
        _show_what_is_started()


def _show_what_is_started() -> None:
    """Let the rooms' notes for us through to standard error."""
    import logging  # a tenth of what --help costs

    to_stderr = logging.StreamHandler()
    to_stderr.setFormatter(logging.Formatter("debug: %(message)s"))
    log = logging.getLogger("cogsmith")
    log.setLevel(logging.DEBUG)
    log.addHandler(to_stderr)


def main(argv: list[str] | None = None) -> NoReturn:
    """Run one command and exit: the only place where errors become words and exit codes."""
    _fill_closed_streams()
    try:
        code = cli.main(args=argv, prog_name=_program(), standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the outer wall
        code = _told(error, Console.of_terminal(_progress()))
    sys.exit(code if isinstance(code, int) else 0)


def _progress() -> str:
    """Whoever asks for JSON gets errors as JSON; the other ways all show errors alike."""
    return "json" if os.environ.get("COGSMITH_PROGRESS") == "json" else "auto"


def _told(error: Exception | KeyboardInterrupt, console: Console) -> int:
    """Say what went wrong, and answer the exit code; what nobody foresaw is our bug."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt | click.Abort):
        console.note("interrupted")
        return 130
    if isinstance(error, ReaderLeft):
        return _reader_left()
    if isinstance(error, click.UsageError):
        return _usage(console, error)
    if isinstance(error, click.ClickException):
        error = CogsmithError(error.format_message())
    if isinstance(error, CogsmithError):
        console.error(error)
        return 2 if isinstance(error, UsageError) else 1
    return _of_the_machine(console, error) or _bug(console, error)


def _fill_closed_streams() -> None:
    """Standard streams that the shell has closed (``>&-``) lead nowhere, as to /dev/null.

    Left closed, the next file that is opened would get the number of one of them.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number, inheritable=False)
                os.close(nowhere)
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115


def _program() -> str:
    """The name that the person typed: ``cog`` and ``cogsmith`` are the same program."""
    name = Path(sys.argv[0]).name
    return name if name in ("cog", "cogsmith") else "cogsmith"


def _usage(console: Console, error: click.UsageError) -> int:
    context, message = error.ctx, error.format_message()
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        console.line(message)
        return 2
    hint = f"{context.command_path} --help shows what there is" if context else ""
    if isinstance(error, click.NoSuchOption):
        message = f"No such option '{error.option_name}'"
        near = _nearest(error.option_name, error.possibilities or ())
        hint = f"did you mean {near[0]}? {hint}" if near else hint
        if error.option_name in ("--debug", "--no-color"):
            hint = f"it stands before the command: {_program()} {error.option_name} ..."
    console.error(UsageError(message, hint=hint))
    return 2


def _nearest(word: str, words: Iterable[str]) -> list[str]:
    """The word that may have been meant, if there is one."""
    import difflib  # only for those who mistype

    return difflib.get_close_matches(word, words, 1)


def _reader_left() -> int:
    """End quietly when the reader of our output is gone (``| head``), as Python's docs advise."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141


def _of_the_machine(console: Console, error: Exception) -> int:
    """Exit code 1 for what no program can help: a full disk, a folder that is gone."""
    if not isinstance(error, OSError):
        return 0
    place, reason = str(error.filename or ""), error.strerror or str(error)
    if error.errno in FULL:
        console.error(CogsmithError(reason, where=place, hint="free some space there"))
    elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
        console.error(CogsmithError(reason, where=place, hint="check who may write there"))
    elif not _here():
        console.error(CogsmithError("the folder that you are in is gone", hint="cd to another"))
    else:
        return 0
    return 1


def _here() -> bool:
    try:
        return bool(Path.cwd())
    except OSError:
        return False


def _bug(console: Console, error: Exception) -> int:
    import tempfile  # a hundredth of a second, and never needed
    import traceback

    trace = "".join(traceback.format_exception(error))
    with tempfile.NamedTemporaryFile(
        "w", prefix="cogsmith-", suffix=".log", delete=False, encoding="utf-8"
    ) as log:
        log.write(f"cogsmith {__version__}, Python {sys.version}\n{trace}")
    console.error(
        CogsmithError(
            f"this is a bug of ours: {type(error).__name__}: {error}",
            hint=f"please open an issue with the log in {log.name}",
        )
    )
    return 3
