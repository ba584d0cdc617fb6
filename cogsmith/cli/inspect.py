"""``cogsmith inspect``: what is in an image, wherever it lies."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

import click

from cogsmith.cli import amounts
from cogsmith.cli.console import Console
from cogsmith.cli.images import table
from cogsmith.cli.naming import name_of, named_config
from cogsmith.cli.store import open_store
from cogsmith.cli.transfers import client, titles
from cogsmith.errors import CogsmithError, DockerError, NotFound, NotInLayout, OciError
from cogsmith.image import Engine
from cogsmith.oci import ContainerConfig, Descriptor, Image, Platform, Reference
from cogsmith.values import dataclass

BASE = "org.opencontainers.image.base."
SCHEMA = "run.cog.openapi_schema"
LAST_OF_BASE = "run.cog.cog-base-image-last-layer-idx"
LONG = 100  # characters of a label's value that are shown to people


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One layer: what it is called, its (compressed) bytes, its name."""

    title: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An image as it is shown; ``where`` it was found: store, engine, or registry."""

    name: str
    where: str
    digest: str
    platform: str
    config: ContainerConfig
    layers: tuple[Row, ...]
    referrers: tuple[Descriptor, ...] = field(default=())

    @property
    def size(self) -> int:
        """The bytes of its layers."""
        return sum(layer.size for layer in self.layers)

    @property
    def schema(self) -> Mapping[str, Any]:
        """The OpenAPI document of the model in it; {} for other images."""
        try:
            document = json.loads(self.config.labels.get(SCHEMA, "{}"))
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "name": self.name,
            "where": self.where,
            "digest": self.digest,
            "platform": self.platform,
            "size": self.size,
            "config": self.config.document(),
            "layers": [
                {"title": row.title, "size": row.size, "digest": row.digest} for row in self.layers
            ],
            "referrers": [entry.document() for entry in self.referrers],
        }


@click.command("inspect")
@click.argument("image", required=False, metavar="[IMAGE|MODEL]")
@click.option("-f", "--file", "file", metavar="PATH", help="The config file of a model.")
@click.option("--platform", metavar="OS/ARCH", help="Which image, where one name has several.")
@click.option("--remote", is_flag=True, help="Ask the registry, even if the image is here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def command(
    image: str | None, file: str | None, platform: str | None, remote: bool, as_json: bool
) -> None:
    """Show what is in an image: its layers, labels, the model's inputs, what is attached.

    IMAGE is looked for in our store, then in Docker's engine, then in its registry. Nothing is
    pulled but the small documents that describe it. A MODEL of this repository, or none, means
    the image that cogsmith build makes of it.
    """
    reference = _reference(image, file)
    wanted = Platform.parse(platform) if platform else None
    shown = _found(reference, wanted, remote=remote)
    if as_json:
        sys.stdout.write(json.dumps(shown.document(), indent=2) + "\n")
        return
    console = Console.of_terminal()
    sys.stdout.writelines(f"{line}\n" for line in _lines(shown))
    if shown.where == "engine":
        console.note("the engine keeps no compressed layers: sizes are not known there")


def _reference(image: str | None, file: str | None) -> Reference:
    """An image's own name, or that of a model's image."""
    loaded = named_config(image, file)
    return name_of(loaded) if loaded else Reference.parse(image or "")


def _found(reference: Reference, platform: Platform | None, *, remote: bool) -> Shown:
    """Wherever it is first found. Raises NotFound when it is nowhere."""
    places: list[Callable[[Reference, Platform | None], Shown | None]] = [_stored, _loaded]
    for look in () if remote else places:
        shown = look(reference, platform)
        if shown:
            return shown
    try:
        return _pushed(reference, platform)
    except NotFound as error:
        if remote:
            raise
        message = f"there is no such image, neither here nor in its registry: {error.message}"
        hint = "cogsmith images lists those that were built here"
        raise NotFound(message, where=reference.familiar, hint=hint, status=404) from error
    except CogsmithError as error:
        if remote:
            raise
        message = f"it is not here, and its registry cannot be asked: {error.message}"
        raise OciError(message, where=reference.familiar, hint=error.hint, code=error.code) from (
            error
        )


def _stored(reference: Reference, platform: Platform | None) -> Shown | None:
    layout = open_store().layout
    try:
        entry = layout.find(reference)
    except NotInLayout:
        return None
    image = layout.image(entry, platform)
    referrers = tuple(
        replace(found, artifact_type=layout.artifact(found).manifest.artifact_type)
        for found in layout.referrers(image.digest)
    )
    return _shown(reference, "store", image, referrers)


def _loaded(reference: Reference, _platform: Platform | None) -> Shown | None:
    """From Docker's engine, which knows layers by their content alone."""
    try:
        said = Engine.find(os.environ, home=Path.home()).inspect(reference.familiar)
    except DockerError:
        return None
    if not said:
        return None
    config = _config_of(said.get("Config") or {})
    layers = (said.get("RootFS") or {}).get("Layers") or ()
    return Shown(
        name=reference.familiar, where="engine", digest=str(said.get("Id", "")),
        platform=f"{said.get('Os')}/{said.get('Architecture')}", config=config,
        layers=tuple(Row(title="", size=0, digest=str(layer)) for layer in layers),
    )  # fmt: skip


def _pushed(reference: Reference, platform: Platform | None) -> Shown:
    with client() as registry:
        image = registry.image(reference, platform)
        there = registry.referrers(reference.with_digest(image.digest))
    return _shown(reference, "registry", image, there)


def _shown(
    reference: Reference, where: str, image: Image, referrers: tuple[Descriptor, ...]
) -> Shown:
    named = titles(image)
    return Shown(
        name=reference.familiar, where=where, digest=str(image.digest),
        platform=str(image.config.platform), config=image.config.config,
        layers=tuple(
            Row(title=named.get(layer.digest, ""), size=layer.size, digest=str(layer.digest))
            for layer in image.layers
        ),
        referrers=referrers,
    )  # fmt: skip


def _config_of(said: Mapping[str, Any]) -> ContainerConfig:
    """The container's part of what the engine says."""
    return ContainerConfig(
        user=str(said.get("User") or ""),
        exposed_ports=tuple(said.get("ExposedPorts") or ()),
        env=tuple(said.get("Env") or ()),
        entrypoint=tuple(said["Entrypoint"]) if said.get("Entrypoint") else None,
        cmd=tuple(said["Cmd"]) if said.get("Cmd") else None,
        working_dir=str(said.get("WorkingDir") or ""),
        labels=said.get("Labels") or {},
    )


def _lines(shown: Shown) -> Iterator[str]:
    """The page for people."""
    yield from table(_facts(shown))
    inputs = list(_inputs(shown.schema))
    if inputs:
        yield from ("", "Inputs")
        yield from (f"  {line}" for line in table(inputs))
    size = f" ({amounts.size(shown.size)})" if shown.size else ""
    yield from ("", f"Layers, from the lowest{size}")
    below = int(shown.config.labels.get(LAST_OF_BASE, "-1"))
    rows = [
        (_size(row), _short(row.digest), row.title or ("base image" if number <= below else ""))
        for number, row in enumerate(shown.layers)
    ]
    yield from (f"  {line}" for line in table(rows))
    labels = [(name, _cut(value)) for name, value in sorted(shown.config.labels.items())]
    if labels:
        yield from ("", "Labels")
        yield from (f"  {line}" for line in table(labels))
    if shown.referrers:
        yield from ("", "Attached")
        attached = [(e.artifact_type or e.media_type, str(e.digest)) for e in shown.referrers]
        yield from (f"  {line}" for line in table(attached))


def _facts(shown: Shown) -> Iterator[tuple[str, str]]:
    config, labels = shown.config, shown.config.labels
    yield "Name", shown.name
    yield (
        "Found in",
        {"store": "the store", "engine": "Docker's engine"}.get(shown.where, "its registry"),
    )
    yield "Digest", shown.digest
    yield "Platform", shown.platform
    base, digest = labels.get(f"{BASE}name"), labels.get(f"{BASE}digest", "")
    if base:
        yield "Base", f"{base}@{digest}" if digest else base
    yield "User", config.user or "root"
    command = (*(config.entrypoint or ()), *(config.cmd or ()))
    yield "Runs", " ".join(command) or "nothing"
    if config.exposed_ports:
        yield "Ports", ", ".join(config.exposed_ports)


def _inputs(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The model's inputs: name, type and default, description."""
    try:
        declared = schema["components"]["schemas"]["Input"]
        properties = declared.get("properties", {})
        required = declared.get("required", ())
        for name, entry in properties.items():
            kind = str(entry.get("type") or entry.get("format") or "any of several")
            if name in required:
                kind += ", required"
            elif "default" in entry:
                kind += f", default {json.dumps(entry['default'], ensure_ascii=False)}"
            yield name, kind, _cut(str(entry.get("description", "")))
    except (KeyError, TypeError, AttributeError):
        return  # not a document that Cog or we have made


def _size(row: Row) -> str:
    return amounts.size(row.size) if row.size else ""


def _short(digest: str) -> str:
    return digest.partition(":")[2][:12]


def _cut(text: str) -> str:
    """A value on one line."""
    line = " ".join(text.split())
    return line if len(line) <= LONG else f"{line[: LONG - 3]}..."
