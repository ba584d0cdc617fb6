"""``cogsmith models``: what this repository can run, with inputs and outputs."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

import click

from cogsmith.cli.console import Console
from cogsmith.cli.local import choose, signature_of
from cogsmith.config import Loaded, available, load
from cogsmith.errors import CogsmithError, ConfigError, Problem
from cogsmith.signature import InputField, OutputType, Shape, Signature, openapi


@click.command("models")
@click.argument("model", required=False, metavar="[MODEL]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.option("-q", "--quiet", is_flag=True, help="Print names alone, one a line.")
def command(model: str | None, as_json: bool, quiet: bool) -> None:
    """List the models of this repository: each cog.yaml and cog.<name>.yaml.

    With MODEL, show that one's inputs with types, bounds and defaults.
    """
    console = Console.of_terminal()
    found, broken = _read((choose(model, None).path,) if model else _here())
    if as_json:
        documents = [_document(loaded, signature) for loaded, signature in found]
        sys.stdout.write(json.dumps(documents, indent=2) + "\n")
    elif quiet:
        for loaded, _ in found:
            print(loaded.name or loaded.path.name)
    else:
        for loaded, signature in found:
            (_show_whole if model else _show)(loaded, signature)
    if broken:
        console.error(CogsmithError(broken))
        sys.exit(1)


def _here() -> tuple[Path, ...]:
    paths = available(Path.cwd())
    if not paths:
        raise ConfigError(
            f"there is no cog.yaml in {Path.cwd()}", hint="cogsmith init makes a first model"
        )
    return paths


def _read(paths: tuple[Path, ...]) -> tuple[list[tuple[Loaded, Signature]], list[Problem]]:
    """Each model that can be read, and the problems of the others."""
    found: list[tuple[Loaded, Signature]] = []
    broken: list[Problem] = []
    for path in paths:
        try:
            loaded = load(path)
            found.append((loaded, signature_of(loaded)))
        except CogsmithError as error:
            broken += error.problems
    return found, broken


def _head(loaded: Loaded, signature: Signature) -> str:
    return f"{loaded.name or '(default)'}  {loaded.path.name}  {signature.reference}"


def _show(loaded: Loaded, signature: Signature) -> None:
    """One model in a few lines: what it takes and what it gives."""
    names = [field.name if field.required else f"[{field.name}]" for field in signature.inputs]
    print(_head(loaded, signature))
    text = f"{' '.join(names)} -> {_output(signature.output)}"
    print(textwrap.fill(text, 96, initial_indent="    ", subsequent_indent="    "))


def _show_whole(loaded: Loaded, signature: Signature) -> None:
    """One model with all that can be said of its inputs."""
    print(_head(loaded, signature))
    rows = [(field.name, _summary(field), field.description) for field in signature.inputs]
    width = max((len(name) for name, _, _ in rows), default=0)
    indent = " " * (width + 4)
    for name, summary, description in rows:
        print(f"  {name:<{width}}  {summary}")
        if description:
            print(textwrap.fill(description, 96, initial_indent=indent, subsequent_indent=indent))
    print(f"  {'->':<{width}}  {_output(signature.output)}")


def _summary(field: InputField) -> str:
    """An input's type, bounds, choices and default on one line."""
    parts = [str(field.type)]
    if field.choices:
        parts.append("one of " + ", ".join(map(str, field.choices)))
    low, high = field.minimum, field.maximum
    if low is not None or high is not None:
        parts.append(f"{'' if low is None else low}..{'' if high is None else high}")
    if field.required:
        parts.append("required")
    elif field.default is not None:
        parts.append(f"default {json.dumps(field.default)}")
    return ", ".join(parts)


def _output(output: OutputType) -> str:
    """An output's type, in the words of an author."""
    inner = _output(output.items) if output.items else output.kind.value
    names = {
        Shape.LIST: f"list[{inner}]",
        Shape.DICT: "dict",
        Shape.OBJECT: "{" + ", ".join(field.name for field in output.fields) + "}",
        Shape.ITERATOR: f"{inner}, one after the other",
        Shape.CONCATENATED: f"{inner}, as a stream",
    }
    return names.get(output.shape, output.kind.value)


def _document(loaded: Loaded, signature: Signature) -> dict[str, Any]:
    document: dict[str, Any] = openapi(signature)
    schemas = document["components"]["schemas"]
    return {
        "name": loaded.name,
        "config": loaded.path.name,
        "predictor": signature.reference,
        "gpu": loaded.config.build.gpu,
        "input": schemas["Input"],
        "output": schemas["Output"],
    }
