"""docs/reference/cli.md, from the help of every command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from cogsmith.cli import settings
from cogsmith.cli.main import cli

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
HEAD = """\
# Command line

Made by `scripts/docs` from the help of each command. `cogsmith` and `cog` are the same
program. The result goes to standard output; logs, progress and messages go to standard
error. [Messages for bad input](errors.md) shows what is said when something is wrong;
[Compatibility](compatibility.md) compares the options with Cog's.

| exit code | meaning |
|---|---|
| 0 | fine |
| 1 | a known error: what was asked for did not happen, and the message says why |
| 2 | the command line cannot be understood, or asks for something that does not fit |
| 3 | a bug of ours; the message names a log to attach to an issue |
| 130 | interrupted (Ctrl-C) |
| 141 | the reader of the output has left (`cogsmith predict ... \\| head -1`) |
"""
WIDTH = 90


def render() -> str:
    """The whole page."""
    parts = [HEAD, "\n## Environment variables\n\n", *_variables(), "\n"]
    top = click.Context(
        cli, info_name="cogsmith", terminal_width=WIDTH,
        help_option_names=cli.context_settings["help_option_names"],
    )  # fmt: skip
    parts.append(_section("cogsmith", cli, top))
    for name in cli.list_commands(top):
        command = cli.get_command(top, name)
        assert command
        context = click.Context(command, info_name=name, parent=top, terminal_width=WIDTH)
        parts.append(_section(f"cogsmith {name}", command, context))
    return "".join(parts).rstrip() + "\n"


def _section(title: str, command: click.Command, context: click.Context) -> str:
    return f"## {title}\n\n```text\n{command.get_help(context)}\n```\n\n"


def _variables() -> Iterator[str]:
    """The table that stands in the module which reads them."""
    yield "| variable | meaning |\n|---|---|\n"
    assert settings.__doc__
    for name, meaning in re.findall(r"^(``.*``) {2,}(\S.*)$", settings.__doc__, re.MULTILINE):
        yield f"| {name.replace('``', '`')} | {meaning.replace('``', '`')} |\n"
