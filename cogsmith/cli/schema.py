"""``cogsmith schema``: a model's OpenAPI document, read from its source."""

from __future__ import annotations

import json
from typing import Any

import click

from cogsmith.cli import options
from cogsmith.cli.console import Console
from cogsmith.cli.local import choose, signature_of
from cogsmith.cli.output import destination, write_document
from cogsmith.config import json_schema
from cogsmith.signature import load, openapi


@click.command("schema")
@options.model
@click.option("-o", "--output", metavar="PATH", help="Write it there instead of printing it.")
@click.option("--config", "of_config", is_flag=True, help="The JSON schema of cog.yaml itself.")
def command(model: str | None, file: str | None, output: str | None, of_config: bool) -> None:
    """Print a model's OpenAPI document as JSON.

    It is read from the predictor's source: nothing is imported, installed or started, and
    it equals the document that Cog makes.
    """
    console = Console.of_terminal()
    target = destination(output, "schema.json")
    document = json_schema() if of_config else _openapi(model, file)
    write_document(document, target, console)


def _openapi(model: str | None, file: str | None) -> dict[str, Any]:
    loaded = choose(model, file)
    train = loaded.config.train
    trained = load(loaded.path.parent, train, train=True) if train else None
    document: dict[str, Any] = openapi(signature_of(loaded), train=trained)
    return json.loads(json.dumps(document))  # type: ignore[no-any-return]
