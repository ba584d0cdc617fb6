"""Where a built image goes besides the store: into Docker's engine, or into a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from cogsmith.cli import amounts
from cogsmith.cli.outcome import Outcome
from cogsmith.cli.progress import Display
from cogsmith.errors import DockerError, OciError, UsageError
from cogsmith.image import Engine, Sent
from cogsmith.oci import Image, archive
from cogsmith.values import dataclass

__all__ = ["Delivered", "check_output", "deliver"]

STDOUT = "-"
NOTHING = Sent()


def check_output(output: str | None, platforms: tuple[str, ...]) -> Path | None:
    """Where ``-o`` points to; None for standard output, or nowhere.

    Raises UsageError when nothing can be written there, before any work is done.
    """
    if output is None:
        return None
    if len(platforms) > 1:
        hint = "push the image, or build for one platform at a time"
        raise UsageError("-o writes the image of one platform", hint=hint)
    if output == STDOUT:
        if sys.stdout.isatty():
            raise UsageError(
                "-o - writes an archive to standard output, which is a terminal",
                hint="cogsmith build -o - | docker load",
            )
        return None
    from cogsmith.cli.output import destination

    return destination(output, "image.tar")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """Where the image is besides the store: in words, and what travelled to which engine.

    ``kind`` is docker, podman, or "" where no engine has it. ``address`` is the engine's, "" when
    none answered, ``unwanted`` when none was asked.
    """

    places: tuple[str, ...] = ()
    sent: Sent = NOTHING
    kind: str = ""
    address: str = ""


def deliver(
    outcome: Outcome, output: str | None, target: Path | None, *, wanted: bool | None,
    display: Display,
) -> Delivered:  # fmt: skip
    """Bring the image where ``-o`` and ``--load`` say. Raises DockerError and OciError."""
    places = (_write(outcome, output, target),) if output else ()
    loaded = _load(outcome, display, wanted=False if output and wanted is None else wanted)
    return replace(loaded, places=places)


def _write(outcome: Outcome, output: str, target: Path | None) -> str:
    """Write the image as an archive that every engine loads; where, for people.

    The file is whole or not there.
    """
    pieces = archive(outcome.images[0], outcome.references)
    if target is None:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return "standard output"
    size = _save(pieces, target)
    return f"{output} ({amounts.size(size)})"


def _save(pieces: Iterable[bytes], target: Path) -> int:
    if target.exists() and not target.is_file():  # a device, or a pipe
        with target.open("wb") as file:
            return sum(map(file.write, pieces))
    place = target.resolve()
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            size = sum(map(file.write, pieces))
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)
    except OSError as error:
        hint = "make room on the disk, or write it elsewhere"
        message = error.strerror or str(error)
        raise OciError(message, where=str(target), hint=hint, code="disk") from error
    finally:
        part.unlink(missing_ok=True)
    return size


def _load(outcome: Outcome, display: Display, *, wanted: bool | None) -> Delivered:
    """Give the image to an engine.

    ``wanted`` None: if there is an engine. Raises DockerError when it is wanted and does not
    come there.
    """
    if wanted is False:
        return Delivered(address="unwanted")
    try:
        engine = Engine.find(os.environ, home=Path.home())
        image = _for_engine(outcome, engine)
        names = outcome.references
        kind = "podman" if engine.podman else "docker"
        sent = engine.load(image, names, display.amount(f"Loading into {kind}"))
    except DockerError as error:
        if wanted:
            raise
        display.console.note(f"not loaded into an engine: {error.message}")
        return Delivered()
    return Delivered(sent=sent, kind=kind, address=engine.address)


def _for_engine(outcome: Outcome, engine: Engine) -> Image:
    """The only image, or the one that runs where the engine runs. Raises DockerError."""
    if len(outcome.images) == 1:
        return outcome.images[0]
    machine = engine.platform
    for image in outcome.images:
        if image.config.platform.serves(machine):
            return image
    there = ", ".join(str(image.config.platform) for image in outcome.images)
    raise DockerError(f"the engine runs on {machine}, and the images are for {there}")
