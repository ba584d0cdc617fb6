"""``cogsmith adapters``: LoRA adapters as small artifacts of their own, beside their base."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from cogsmith.adapters import (
    ARTIFACT_TYPE,
    Base,
    Card,
    Limits,
    artifact,
    base_shapes,
    blobs,
    card,
    installed,
    save,
)
from cogsmith.cli import amounts, options
from cogsmith.cli.console import Console
from cogsmith.cli.transfers import client
from cogsmith.engine import Adapter, AdapterFiles
from cogsmith.errors import AdapterError, UsageError
from cogsmith.oci import Manifest, Reference
from cogsmith.registry import Client, Shipment

FOLDER = "ADAPTERS_DIR"


@click.group("adapters")
def command() -> None:
    """Push, pull and look at LoRA adapters, which go on top of a base model.

    An adapter is a folder, or a tar, in peft's form; train makes one. It is an artifact of its
    own: nothing of the base is pushed with it, or changed.
    """


_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


@command.command("push")
@click.argument("source", metavar="FOLDER|TAR")
@click.argument("reference")
@click.option("--base", "image", metavar="IMAGE", help="The base's image: named in the artifact.")
@click.option(
    "--weights", "weights", metavar="FOLDER", type=click.Path(path_type=Path),
    help="The base's checkpoint, whose layers the adapter must fit.  [default: the one that the "
    "adapter names, if it is here]",
)  # fmt: skip
@click.option("--max-rank", type=click.IntRange(min=1), default=64, show_default=True)
@click.option(
    "--max-size", type=click.IntRange(min=1), default=512, show_default=True, metavar="MIB"
)
@options.progress
def push(
    source: str, reference: str, image: str | None, weights: Path | None, max_rank: int,
    max_size: int, console: Console,
) -> None:  # fmt: skip
    """Check an adapter, its rank and its size, and push it."""
    where = Reference.parse(reference)
    files = AdapterFiles.read(source)
    folder = weights or _named_base(files)
    if folder is None:
        console.note("the base's checkpoint is not here: its layers are not compared")
    shapes = None if folder is None else base_shapes(folder)
    limits = Limits(rank=max_rank, size=max_size << 20)
    with client() as registry:
        base = _base(registry, image, where) if image else None
        made = artifact(files, base, limits=limits, shapes=shapes)
        plan = registry.plan_push(where, Shipment.of(made))
        told = registry.push(plan)
    sent = "it was there already" if plan.named else f"{amounts.size(plan.bytes_to_send)} sent"
    console.done(f"Pushed {where}: {sent}")
    sys.stdout.write(f"{where.name}@{told.digest}\n")


@command.command("pull")
@click.argument("reference")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@options.progress
def pull(reference: str, folder: Path | None, console: Console) -> None:
    """Bring an adapter into FOLDER.

    Left out, FOLDER is the repository's last word, in ADAPTERS_DIR or in ./adapters.
    """
    where = Reference.parse(reference)
    into = folder or _adapters_folder() / where.repository.rpartition("/")[2]
    with client() as registry:
        manifest = registry.manifest(where)
        files = {}
        for name, blob in blobs(manifest).items():
            with registry.open_blob(where, blob) as stream:
                files[name] = stream.read()
    save(into, files)
    size = amounts.size(sum(map(len, files.values())))
    console.done(f"Pulled {where} ({size}) into {into}")
    console.note(
        f"serve it: -e {FOLDER}={into.parent.resolve()}, ask for it: -i adapter={into.name}"
    )


@command.command("list")
@click.argument("image", required=False, metavar="[IMAGE]")
@_json
def list_(image: str | None, as_json: bool) -> None:
    """List the adapters in ADAPTERS_DIR or ./adapters; with IMAGE, those pushed beside it."""
    if image:
        rows = _beside(Reference.parse(image))
    else:
        rows = {name: Card.of(one) for name, one in installed(_adapters_folder()).items()}
    if as_json:
        documents = [{"name": name, **one.document()} for name, one in rows.items()]
        sys.stdout.write(json.dumps(documents, indent=2) + "\n")
        return
    for name, one in rows.items():
        size = amounts.size(one.size)
        sys.stdout.write(f"{name}  rank {one.rank}, {size}, for {one.checkpoint or '?'}\n")


@command.command("inspect")
@click.argument("what", metavar="FOLDER|TAR|REFERENCE")
@_json
def inspect(what: str, as_json: bool) -> None:
    """Show what an adapter is, here or in a registry."""
    if Path(what).exists():
        found = Card.of(Adapter.parse(AdapterFiles.read(what)))
    else:
        where = Reference.parse(what)
        with client() as registry:
            manifest = registry.manifest(where)
            found = _card(registry, where, manifest)
    if as_json:
        sys.stdout.write(json.dumps(found.document(), indent=2) + "\n")
        return
    for name, value in found.document().items():
        words = ", ".join(value) if isinstance(value, tuple) else value
        if words != "":
            sys.stdout.write(f"{name.replace('_', ' '):<12} {words}\n")


def _adapters_folder() -> Path:
    return Path(os.environ.get(FOLDER) or "adapters")


def _named_base(files: AdapterFiles) -> Path | None:
    """The checkpoint that the adapter was made for, if it is a folder here."""
    named = Path(Adapter.parse(files).base or "?")
    return named if any(named.glob("*.safetensors")) else None


def _base(registry: Client, image: str, where: Reference) -> Base:
    named = Reference.parse(image)
    descriptor = registry.find(named)
    if descriptor is None:
        raise UsageError(f"there is no such image: {named}", hint="push the base before")
    here = (named.registry, named.repository) == (where.registry, where.repository)
    return Base(name=str(named), image=descriptor, here=here)


def _card(registry: Client, where: Reference, manifest: Manifest) -> Card:
    try:
        return card(manifest, registry.read_blob(where, manifest.config))
    except AdapterError as error:
        raise AdapterError(error.message, where=str(where), hint=error.hint) from None


def _beside(image: Reference) -> dict[str, Card]:
    found = {}
    with client() as registry:
        for entry in registry.referrers(image, ARTIFACT_TYPE):
            where = image.with_digest(entry.digest)
            manifest = registry.fetch(where)
            if isinstance(manifest, Manifest):
                found[f"{where.name}@{entry.digest}"] = _card(registry, where, manifest)
    return found
