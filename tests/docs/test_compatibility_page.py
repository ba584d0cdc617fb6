"""docs/reference/compatibility.md: what it says of commands, options, labels and the like is so.

What Cog has is data here, taken from its own reference (command line, environment, cog.yaml) and
from its help, 0.23.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import cogsmith
from cogsmith import signature
from cogsmith.cli.main import cli
from cogsmith.config import Build, Concurrency, ModelConfig
from cogsmith.image import labels as image_labels
from cogsmith.runtime.server.document import document

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "compatibility.md"
ANSWERS = {"yes", "differs", "no"}
HEADS = ("| Cog |", "| key |", "| behavior |")

OF_BASES = {"--use-cog-base-image", "--use-cuda-base-image"}
OF_RUNS = {"--env", "--file", "--gpus", "--progress"} | OF_BASES
OF_PUSH = {
    "--file", "--no-cache", "--openapi-schema", "--progress", "--secret", "--separate-weights",
} | OF_BASES  # fmt: skip
OF_WEIGHTS = {"--file", "--image", "--verbose"}
COGS = {
    "predict": OF_RUNS | {
        "[image]", "--input", "--json", "--output", "--setup-timeout", "--use-replicate-token",
    },
    "run": OF_RUNS | {
        "[image]", "--input", "--json", "--output", "--setup-timeout", "--use-replicate-token",
    },
    "exec": OF_RUNS | {"--publish"},
    "init": set(),
    "build": OF_PUSH | {
        "--tag", "--timestamp", "--precompile", "--strip", "--skip-schema-validation",
    },
    "push": OF_PUSH | {"[IMAGE]"},
    "login": {"--registry", "--token-stdin"},
    "serve": OF_RUNS | {"--host", "--port", "--upload-url"},
    "train": OF_RUNS | {"[image]", "--input", "--output"},
    "debug": OF_BASES | {"--file", "--image-name", "--separate-weights", "--timestamp"},
    "doctor": {"--file", "--fix"},
    "playground": {"--host", "--no-open", "--port", "--target", "--webhook-host"},
    "weights import": OF_WEIGHTS | {"--dry-run"},
    "weights pull": OF_WEIGHTS,
    "weights status": {"--file", "--json", "--verbose"},
}  # fmt: skip
COGS_COMMON = {"--help", "--version", "--debug", "--no-color"}
COGS_VARIABLES = {
    "COGLET_WHEEL", "COG_CACHE_DIR", "COG_CA_CERT", "COG_MODEL", "COG_MODEL_REGISTRY",
    "COG_MODEL_REPO", "COG_MODEL_TAG", "COG_NO_COLOR", "COG_NO_UPDATE_CHECK",
    "COG_OPENAPI_SCHEMA", "COG_PUSH_CONCURRENCY", "COG_PUSH_DEFAULT_CHUNK_SIZE",
    "COG_PUSH_MULTIPART_THRESHOLD", "COG_PUSH_OCI", "COG_REGISTRY_HOST", "COG_SDK_WHEEL",
    "COG_SKIP_DOCKER_CHECK", "COG_SKIP_GPU_CHECK", "REPLICATE_API_TOKEN",
}  # fmt: skip
COGS_LABELS = {
    "org.opencontainers.image.revision", "org.opencontainers.image.version",
    "run.cog.cog-base-image-last-layer-idx", "run.cog.cog-base-image-last-layer-sha",
    "run.cog.cog-base-image-name", "run.cog.config", "run.cog.has_init",
    "run.cog.openapi_schema", "run.cog.pip_freeze", "run.cog.version",
}  # fmt: skip
COGS_ENDPOINTS = {
    "GET /", "GET /health-check", "GET /openapi.json", "POST /predictions", "PUT /predictions/ID",
    "POST /predictions/ID/cancel", "POST /trainings", "PUT /trainings/ID",
    "POST /trainings/ID/cancel", "POST /shutdown",
}  # fmt: skip
# What a heading says, where it is not the command's own name.
HEADINGS = {"predict": "predict and run", "run": "predict and run"}


def section(heading: str) -> str:
    return PAGE.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]


def table(heading: str) -> Iterator[tuple[str, str]]:
    """The first two cells of each row below a heading."""
    for line in section(heading).splitlines():
        if line.startswith("| ") and not line.startswith(HEADS):
            name, answer = line.strip("|").split("|")[:2]
            yield name.strip().strip("`"), answer.strip()


def of(command: str) -> str:
    return f"Options of {HEADINGS.get(command, command)}"


def parameters(command: str) -> list[click.Parameter]:
    found: click.Command | None = cli
    for word in command.split():
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), word)
    assert found
    return found.params


def options(command: str) -> set[str]:
    return {option for parameter in parameters(command) for option in parameter.opts}


def shown(command: str) -> set[str]:
    """The options that --help shows, in their long form."""
    return {
        next(option for option in parameter.opts if option.startswith("--"))
        for parameter in parameters(command)
        if isinstance(parameter, click.Option) and not parameter.hidden
    }


def agrees(heading: str, cogs: set[str], ours: set[str]) -> None:
    rows = dict(table(heading))
    assert cogs == rows.keys()
    assert set(rows.values()) <= ANSWERS
    there = {name for name, answer in rows.items() if answer != "no"}
    assert {name for name in rows if name in ours} == there


def alone(heading: str) -> set[str]:
    """What is said to be ours alone: the words in backticks of that paragraph."""
    said = section(heading).partition("Ours alone: ")[2].split("\n\n")[0]
    return set(re.findall(r"`([^`]+)`", said))


def test_commands() -> None:
    ours = set(cli.list_commands(click.Context(cli)))
    cogs = {command.split()[0] for command in COGS}
    agrees("Commands", cogs, ours)
    assert alone("Commands") == ours - cogs


def test_options_of_all_commands() -> None:
    ours = {option for parameter in cli.params for option in parameter.opts} | {"--help"}
    agrees("Options of all commands", COGS_COMMON, ours)


WITH_OPTIONS = sorted(command for command, flags in COGS.items() if flags)


@pytest.mark.parametrize("command", WITH_OPTIONS)
def test_options_of_a_command(command: str) -> None:
    arguments = {flag for flag in COGS[command] if flag.startswith("[")}
    taken = any(isinstance(one, click.Argument) for one in parameters(command))
    agrees(of(command), COGS[command], options(command) | (arguments if taken else set()))


@pytest.mark.parametrize("command", WITH_OPTIONS)
def test_options_that_are_ours_alone(command: str) -> None:
    more = shown(command) - COGS[command]
    if command == "push":  # it says the rest in words
        more -= options("build") - {"--tag"}
    assert {word for word in alone(of(command)) if word.startswith("--")} == more


def test_variables_of_the_command_line() -> None:
    rows = dict(table("Environment variables of the command line"))
    assert rows.keys() == COGS_VARIABLES
    assert set(rows.values()) <= ANSWERS
    source = "\n".join(
        path.read_text("utf-8") for path in Path(cogsmith.__file__).parent.rglob("*.py")
    )
    used = {name for name in COGS_VARIABLES if re.search(rf"\b{name}\b", source)}
    assert used == {name for name, answer in rows.items() if answer != "no"}


def test_labels() -> None:
    rows = dict(table("Labels"))
    assert rows.keys() == COGS_LABELS
    assert set(rows.values()) <= ANSWERS
    text = Path(image_labels.__file__).read_text("utf-8")
    prefixes = {
        "{COG}": "run.cog.",
        "{OURS}": "run.cogsmith.",
        "{OCI}": "org.opencontainers.image.",
    }
    written = {
        prefixes[prefix] + name for prefix, name in re.findall(r'f"(\{[A-Z]+\})([\w.-]+)"', text)
    }
    there = {name for name, answer in rows.items() if answer != "no"}
    assert written == there | alone("Labels")


def test_endpoints() -> None:
    rows = dict(table("HTTP API"))
    assert rows.keys() >= COGS_ENDPOINTS
    text = "def predict(x: str) -> str: ...\ndef train(n: int) -> str: ...\n"
    modes = [
        signature.parse(f"model.py:{name}", lambda _: text, train=name == "train")
        for name in ("predict", "train")
    ]
    paths = document(modes[0], train=modes[1], title="model", version="1")["paths"]
    served = {
        f"{method.upper()} {re.sub(r'{.*?}', 'ID', path)}"
        for path in paths
        for method in paths[path]
    }
    assert served >= {name for name in COGS_ENDPOINTS if rows[name] != "no"}
    assert set(rows.values()) <= ANSWERS
    assert set(dict(table("Environment variables of the server")).values()) <= ANSWERS


def test_every_key_has_its_row() -> None:
    levels = {"": ModelConfig, "build.": Build, "concurrency.": Concurrency}
    keys = {prefix + key for prefix, level in levels.items() for key in level.model_fields}
    assert sorted(keys) == [name for name, _ in table("cog.yaml")]


def test_stories_that_are_named_are_there() -> None:
    rows = [line for line in section("What predict does").splitlines() if line.startswith("| ")]
    named = [re.findall(r"`(\w+)`", row.strip("|").split("|")[-1]) for row in rows[1:]]
    stories = {path.stem for path in (ROOT / "tests" / "stories").glob("*.txt")}
    assert {name for names in named for name in names} <= stories
