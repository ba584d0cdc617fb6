"""``cogsmith push``: build, and bring the image to a registry; what is there does not travel."""

from __future__ import annotations

import os
import time
from typing import Any

import click

from cogsmith.cli import options
from cogsmith.cli.console import Console
from cogsmith.cli.unchanged import Note, Told, note_for

__all__ = ["command"]


@click.command("push")
@click.argument("image", required=False, metavar="[IMAGE|MODEL]")
@click.option(
    "-f", "--file", "file", metavar="PATH",
    help="The config file; works from any folder.  [default: cog.yaml here or above]",
)  # fmt: skip
@click.option(
    "-t", "--tag", "tags", multiple=True, metavar="NAME",
    help="Where it goes; may be given several times.  [default: image of the config]",
)  # fmt: skip
@click.option("--no-attest", is_flag=True, help="Leave SBOM and provenance here.")
@options.of_builds
def command(
    image: str | None, file: str | None, tags: tuple[str, ...], no_attest: bool,
    console: Console, **asked: Any,
) -> None:  # fmt: skip
    """Build a model's image and push it to a registry, without Docker.

    IMAGE is where it goes: registry/owner/name, with :tag if it is not latest. Without it, -t or
    the config's image says so. A word that is the name of a model of this repository is that
    model.

    Only what the registry lacks travels: a layer that is there stays where it is, and one that
    an earlier push has brought to another repository there is mounted. The tag is set last.
    Interrupted, a push is gone on with by the same command. The SBOM and the provenance of the
    build go with the image, as its referrers.

    Managed weights (weights: in the config) must have been imported to the same repository: the
    name then means an index of the image and its weights.

    The digest is printed on standard output, everything else on standard error.

    \b
    Examples:
      cogsmith push registry.example.com/ada/llama:1
      cogsmith push flan-t5 -t ghcr.io/ada/flan-t5
    """  # noqa: D301 - the one escape is meant: click keeps the lines after it
    begun = time.time_ns()
    words = {"command": "push", "image": image, "file": file, "tags": tags, **asked}
    note = note_for({**words, "no_attest": no_attest}, os.environ)
    told = None if asked["no_cache"] or asked["pull"] else note.read()
    digest = _short(told, note, console, begun, attest=not no_attest) if told else None
    if digest is None:
        from cogsmith.cli.whole_push import whole_push  # half a second of imports

        digest = whole_push(image, file, tags, console, asked, note, attest=not no_attest)
    print(digest)


def _short(told: Told, note: Note, console: Console, begun: int, *, attest: bool) -> str | None:
    """What was pushed where nothing has changed, or code alone; None: everything is looked at."""
    if told.holds():
        if (digest := _named_still(told, console)) is not None:
            return digest
    elif not told.lacks_only_code():
        return None
    from cogsmith.cli.edited import edited_push

    return edited_push(told, note, console, begun, attest=attest)


def _named_still(told: Told, console: Console) -> str | None:
    """The digest, if each registry still has it under its name: one question to each."""
    from cogsmith.cli.pushing import Pushed, say
    from cogsmith.cli.transfers import client
    from cogsmith.oci import Reference

    digest, layers = told.report["digest"], told.report["layers"]
    found = []
    with client() as registry:
        for name in told.document["references"]:
            begun, reference = time.monotonic(), Reference.parse(name)
            there = registry.find(reference)
            if there is None or str(there.digest) != digest:
                return None
            present = told.report["blobs"]
            found.append(Pushed.already(reference, digest, present, time.monotonic() - begun))
    console.note(f"Built: {layers} layers, none of them new")
    for pushed in found:
        say(pushed, console)
    return str(digest)
