"""``cogsmith build``: a model's image, without Docker."""

from __future__ import annotations

import os
import time
from typing import Any

import click

from cogsmith.cli import options
from cogsmith.cli.console import Console
from cogsmith.cli.report import Report
from cogsmith.cli.unchanged import Note, Told, note_for


@click.command("build")
@options.model
@click.option(
    "-t", "--tag", "tags", multiple=True, metavar="NAME",
    help="The image's name; may be given several times.  [default: image of the config, "
    "else cog-<folder>]",
)  # fmt: skip
@click.option(
    "-o", "--output", metavar="PATH",
    help="Write the image to a file that docker load and podman load read; - is standard output.",
)  # fmt: skip
@click.option(
    "--load/--no-load", "wanted", default=None,
    help="Give the image to Docker's engine.  [default: if one answers, and without -o]",
)  # fmt: skip
@options.of_builds
def command(
    model: str | None, file: str | None, tags: tuple[str, ...], output: str | None,
    wanted: bool | None, console: Console, **asked: Any,
) -> None:  # fmt: skip
    """Build a model's image, without Docker.

    The image is put together from its parts: a base image, the packages that pylock.toml pins,
    the server, weights, and your code. Nothing is run, and nobody needs to be root. Layers that
    an earlier build has made are taken as they are, and the same input makes the same image,
    bit for bit, on every machine. What needs commands run in the image (build.run) is for
    --builder docker, which makes all other layers the same way.

    The image lies in the store (cogsmith images), and in Docker's engine, when one answers.
    Its digest is printed on standard output, everything else on standard error.

    \b
    Examples:
      cogsmith build
      cogsmith build -t registry.example.com/ada/llama:1
      cogsmith build --platform linux/arm64 -o llama.tar
      cogsmith build --builder docker --secret id=pip,src=pip.conf
    """  # noqa: D301 - the one escape is meant: click keeps the lines after it
    begun = time.time_ns()
    words = {"model": model, "file": file, "tags": tags, "load": wanted, **asked}
    note = note_for(words, os.environ)
    again = output is not None or asked["no_cache"] or asked["pull"]
    told = None if again else note.read()
    report = _short(told, note, console, begun, wanted=wanted) if told else None
    if report is None:
        from cogsmith.cli.whole_build import whole_build  # half a second of imports

        report = whole_build(model, file, tags, output, wanted, console, asked, note)
    report.show(console)
    if output != "-":
        print(report.digest)


def _short(
    told: Told, note: Note, console: Console, begun: int, *, wanted: bool | None
) -> Report | None:
    """The outcome where nothing has changed, or code alone; None: everything is looked at."""
    if told.holds():
        return Report.unchanged(told.report, (time.time_ns() - begun) / 1e9)
    if not told.lacks_only_code():
        return None
    from cogsmith.cli.edited import edited_build

    return edited_build(told, note, console, begun, wanted=wanted)
