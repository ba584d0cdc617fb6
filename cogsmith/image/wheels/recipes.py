"""Wheels become recipes of layers: which wheels a layer has, its key, and how it is packed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO

from cogsmith.environment import Wheel
from cogsmith.errors import InstallError
from cogsmith.image.recipe import Recipe, Write, key_of
from cogsmith.image.venv import Place
from cogsmith.image.wheels.archive import Archive
from cogsmith.image.wheels.buckets import Group, groups
from cogsmith.image.wheels.conflicts import clashes
from cogsmith.image.wheels.splice import SPLICED, Splicer, contents
from cogsmith.image.wheels.spread import Placed, spread
from cogsmith.oci import Descriptor, Digest, Entry, File, reader, recipe, scaffold

__all__ = ["BUDGET", "above", "wheel_recipes", "wheels_key"]

VERSION = 1  # of the rules in this folder: whatever changes the bytes of a layer changes it
BUDGET = 48  # layers for wheels; with base and others an image stays below 100 of 125


def wheel_recipes(
    wheels: Iterable[Wheel], place: Place, budget: int = BUDGET
) -> tuple[Recipe, ...]:
    """The layers of these wheels, at most ``budget``: large ones alone, small ones in buckets.

    No wheel is opened here. Packing raises InstallError for a wheel that is broken, and for
    wheels of one layer that clash (``conflicts`` finds that between layers).
    """
    return tuple(_recipe(group, place) for group in groups(wheels, budget))


def wheels_key(wheels: Iterable[Wheel], place: Place) -> str:
    """The name of this set of wheels in this place."""
    named = sorted((w.name, w.sha256, w.direct_url) for w in wheels)
    where = (place.root, place.site, place.scripts, place.headers, place.program)
    return key_of("wheels", VERSION, SPLICED, recipe("gzip"), named, where)


def _recipe(group: Group, place: Place) -> Recipe:
    names = [f"{wheel.name} {wheel.version}" for wheel in group]
    title = names[0] if len(names) == 1 else f"{len(names)} packages: {_shortened(group)}"
    requirements = " ".join(f"{wheel.name}=={wheel.version}" for wheel in group)
    return Recipe(
        key=wheels_key(group, place),
        kind="wheel",
        title=title,
        created_by=f"cogsmith wheels {requirements}",
        size=sum(wheel.size for wheel in group),
        pack=partial(_pack, group, place),
    )


def _shortened(group: Group) -> str:
    names = ", ".join(wheel.name for wheel in group)
    return names if len(names) <= 60 else f"{names[:60].rpartition(', ')[0]}, ..."


def _pack(group: Group, place: Place, write: Write) -> tuple[Descriptor, Digest]:
    """One pass over the wheels of a layer; memory stays flat."""
    with ExitStack() as stack:
        archives = [stack.enter_context(Archive(wheel)) for wheel in group]
        sources = _sources(archives, place)
        splicer = Splicer(write)
        for piece in scaffold(_entries(sources), lower=above(place)):
            if isinstance(piece, File):
                splicer.add_file(*sources[piece.path])
            else:
                splicer.add(piece)
        return splicer.finish()


def _sources(archives: Sequence[Archive], place: Place) -> dict[str, tuple[Archive, Placed]]:
    """The files of a layer by path; of the same file in two wheels the first is taken."""
    spreads = [(a.wheel, spread(a.wheel, a.members, a.contents, place)) for a in archives]
    if problems := tuple(clashes(spreads)):
        raise InstallError(problems)
    found: dict[str, tuple[Archive, Placed]] = {}
    for archive, (_, files) in zip(archives, spreads, strict=True):
        for file in files:
            found.setdefault(file.path, (archive, file))
    return found


def _entries(sources: dict[str, tuple[Archive, Placed]]) -> Iterable[Entry]:
    for archive, file in sources.values():
        yield File(
            path=file.path,
            mode=0o755 if file.executable else 0o644,
            size=file.size,
            open=partial(_stream, archive, file),
        )


def _stream(archive: Archive, file: Placed) -> BinaryIO:
    return reader(contents(archive, file))


def above(place: Place) -> list[str]:
    """The folders above the place: the layer that makes the place has them, or the base."""
    return [str(folder) for folder in PurePosixPath(place.root).parents]
