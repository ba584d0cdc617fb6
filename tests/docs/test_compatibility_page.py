"""docs/reference/compatibility.md: what it says of commands, options and keys is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cogsmith.cli.main import cli
from cogsmith.config import Build, Concurrency, ModelConfig

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "compatibility.md"
ANSWERS = {"yes", "differs", "not yet"}

# From Cog's own reference of its command line, 0.23.
COGS_COMMANDS = {"run", "predict", "exec", "init", "build", "push", "login", "serve", "train"}
COGS_COMMON = {"--help", "--version", "--debug", "--no-color"}
COGS_EXEC = {
    "--env", "--file", "--gpus", "--progress", "--publish", "--use-cog-base-image",
    "--use-cuda-base-image",
}  # fmt: skip
COGS_SERVE = (COGS_EXEC - {"--publish"}) | {"--host", "--port", "--upload-url"}
COGS_PREDICT = (COGS_EXEC - {"--publish"}) | {
    "[image]", "--input", "--json", "--output", "--setup-timeout", "--use-replicate-token",
}  # fmt: skip


def table(heading: str) -> Iterator[tuple[str, str]]:
    """The first two cells of each row below a heading."""
    section = PAGE.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    for line in section.splitlines():
        if line.startswith("| ") and not line.startswith(("| Cog |", "| key |", "| behavior |")):
            name, answer = line.strip("|").split("|")[:2]
            yield name.strip().strip("`"), answer.strip()


def options(command: str) -> set[str]:
    found = cli.get_command(click.Context(cli), command)
    assert found
    return {option for parameter in found.params for option in parameter.opts}


def agrees(heading: str, cogs: set[str], ours: set[str]) -> None:
    rows = dict(table(heading))
    assert cogs <= rows.keys()
    assert set(rows.values()) <= ANSWERS
    there = {name for name, answer in rows.items() if answer != "not yet"}
    assert {name for name in rows if name in ours} == there


def test_commands() -> None:
    ours = set(cli.list_commands(click.Context(cli)))
    agrees("Commands", COGS_COMMANDS, ours)
    alone = PAGE.read_text("utf-8").split("Ours alone: ")[1].split(".")[0]
    assert set(re.findall(r"`([^`]+)`", alone)) == ours - dict(table("Commands")).keys()


def test_options_of_all_commands() -> None:
    ours = {option for parameter in cli.params for option in parameter.opts} | {"--help"}
    agrees("Options of all commands", COGS_COMMON, ours)


@pytest.mark.parametrize("command", ["predict", "run"])
def test_options_of_predict(command: str) -> None:
    agrees("Options of predict and run", COGS_PREDICT, options(command) | {"[image]"})
    rows = dict(table("Options of predict and run"))
    alone = {option for option in options(command) if option.startswith("--")} - rows.keys()
    assert alone == {"--locked", "--timings"}


def test_options_of_exec() -> None:
    agrees("Options of exec", COGS_EXEC, options("exec"))


def test_options_of_serve() -> None:
    agrees("Options of serve", COGS_SERVE, options("serve"))
    rows = dict(table("Options of serve"))
    alone = {option for option in options("serve") if option.startswith("--")} - rows.keys()
    assert alone == {"--locked", "--setup-timeout", "--workers"}


def test_what_is_said_of_the_server_is_an_answer() -> None:
    for heading in ("HTTP API", "Environment variables of the server"):
        assert set(dict(table(heading)).values()) <= ANSWERS


def test_every_key_has_its_row() -> None:
    levels = {"": ModelConfig, "build.": Build, "concurrency.": Concurrency}
    keys = {prefix + key for prefix, level in levels.items() for key in level.model_fields}
    assert sorted(keys) == [name for name, _ in table("cog.yaml")]


def test_stories_that_are_named_are_there() -> None:
    section = PAGE.read_text("utf-8").split("## What predict does")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    named = [re.findall(r"`(\w+)`", row.strip("|").split("|")[-1]) for row in rows]
    stories = {path.stem for path in (ROOT / "tests" / "stories").glob("*.txt")}
    assert {name for names in named for name in names} <= stories
