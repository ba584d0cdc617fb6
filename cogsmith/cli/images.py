"""``cogsmith images``: what is in our store, by name."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import click

from cogsmith.cli import amounts
from cogsmith.cli.console import Console
from cogsmith.cli.store import open_store
from cogsmith.errors import CogsmithError, Problem
from cogsmith.oci import Descriptor, Digest, Image, Layout, Reference, media_types
from cogsmith.values import dataclass

__all__ = ["Kept", "images_of", "is_ours", "table"]

OURS = "run.cogsmith.version"  # the label of what was built here


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A name in the store with what it names: one image, or one for each of several platforms.

    ``built`` is when its manifest was last written there: images themselves hold no time of day.
    """

    reference: Reference
    digest: Digest
    images: tuple[Image, ...]
    built: datetime

    @property
    def short_name(self) -> str:
        """For people, beside a digest: a tag is enough."""
        named = self.reference
        return (replace(named, digest=None) if named.tag else named).familiar

    @property
    def platforms(self) -> str:
        """For people: ``linux/amd64, linux/arm64``."""
        return ", ".join(str(image.config.platform) for image in self.images)

    @property
    def size(self) -> int:
        """The bytes of all its blobs, each counted once."""
        return sum({blob.digest: blob.size for i in self.images for blob in i.blobs}.values())

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "name": self.reference.familiar,
            "reference": str(self.reference),
            "digest": str(self.digest),
            "platforms": [str(image.config.platform) for image in self.images],
            "size": self.size,
            "layers": max(len(image.layers) for image in self.images),
            "built": self.built.isoformat(timespec="seconds"),
        }


@click.command("images")
@click.option("-a", "--all", "everything", is_flag=True, help="Base images, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.option("-q", "--quiet", is_flag=True, help="Print names alone, one a line.")
def command(everything: bool, as_json: bool, quiet: bool) -> None:
    """List the images that were built here and lie in the store.

    Docker's engine has a list of its own (docker images); cogsmith build puts an image there,
    too, when an engine answers. The store is a plain OCI layout in the cache folder, or where
    COGSMITH_STORE says.
    """
    console = Console.of_terminal()
    broken: list[Problem] = []
    found = [kept for kept in _kept(open_store().layout, broken) if everything or is_ours(kept)]
    found.sort(key=lambda kept: kept.built, reverse=True)
    if as_json:
        sys.stdout.write(json.dumps([kept.document() for kept in found], indent=2) + "\n")
    elif quiet:
        sys.stdout.writelines(f"{kept.reference.familiar}\n" for kept in found)
    elif found:
        sys.stdout.writelines(f"{line}\n" for line in table(_rows(found)))
    else:
        console.note("no images yet: cogsmith build makes one")
    if broken:
        console.error(CogsmithError(broken))
        sys.exit(1)


def is_ours(kept: Kept) -> bool:
    """Whether we have built it; else it is somebody's base image."""
    return any(OURS in image.config.config.labels for image in kept.images)


def images_of(layout: Layout, entry: Descriptor) -> tuple[Image, ...]:
    """The image of an entry, or the several of an index. Raises OciError."""
    if media_types.is_index(entry.media_type):
        return tuple(i for inner in layout.nested(entry) for i in images_of(layout, inner))
    return (layout.image(entry),)


def _kept(layout: Layout, broken: list[Problem]) -> Iterator[Kept]:
    """All that has a name; what cannot be read is told of, and no reason to stop."""
    for reference, entry in layout.references().items():
        try:
            images = images_of(layout, entry)
            written = layout.path(entry.digest).stat().st_mtime
        except CogsmithError as error:
            broken += [Problem(p.message, reference.familiar, p.hint) for p in error.problems]
            continue
        if images:
            built = datetime.fromtimestamp(written, timezone.utc)
            yield Kept(reference=reference, digest=entry.digest, images=images, built=built)


def _rows(found: Iterable[Kept]) -> Iterator[tuple[str, ...]]:
    yield "NAME", "PLATFORM", "SIZE", "BUILT", "DIGEST"
    now = time.time()
    for kept in found:
        age = _ago(now - kept.built.timestamp())
        size, digest = amounts.size(kept.size), kept.digest.short
        yield kept.short_name, kept.platforms, size, age, digest


def table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Columns as wide as they must be, two blanks apart.

    >>> list(table([("A", "B"), ("long", "x")]))
    ['A     B', 'long  x']
    """
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _ago(seconds: float) -> str:
    """How long ago, in the largest unit that says something.

    >>> _ago(3), _ago(61), _ago(7300), _ago(200_000)
    ('just now', '1 minute ago', '2 hours ago', '2 days ago')
    """
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // length)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
