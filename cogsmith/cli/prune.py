"""``cogsmith prune``: room on the disk, taken from what can be made or fetched again."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

import click

from cogsmith.cli import amounts
from cogsmith.cli.console import Console
from cogsmith.cli.environment import settings
from cogsmith.cli.store import open_store
from cogsmith.environment import remove_unused

DAY = 86400.0  # seconds


@click.command("prune")
@click.option(
    "--unused", "days", type=click.FloatRange(min=0), default=30.0, show_default=True,
    metavar="DAYS", help="Environments and packages go that nobody has used for so long.",
)  # fmt: skip
@click.option(
    "-a", "--all", "everything", is_flag=True,
    help="All of it goes: also images that have names, and whatever was used today.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Take nothing away; only say what would go.")
def command(days: float, everything: bool, dry_run: bool) -> None:
    """Free the room that images, packages and environments take and that nobody needs.

    Three places are looked through: the store of images (layers of builds whose name has gone
    to a newer build), the packages that were fetched for images, and the environments of local
    runs. All of it can be made or fetched again; models, locks and logins are not touched.
    Docker's engine has its own: docker image prune.
    """
    console = Console.of_terminal()
    age = 0.0 if everything else days * DAY
    freed = 0
    for what, count, size in (
        _images(everything=everything, dry=dry_run),
        _fetched(age, everything=everything, dry=dry_run),
        _environments(age, dry=dry_run),
    ):
        freed += size
        if count:
            console.note(f"{what}: {count} ({amounts.size(size)})")
    console.done(f"{'Would free' if dry_run else 'Freed'} {amounts.size(freed)}")


def _images(*, everything: bool, dry: bool) -> tuple[str, int, int]:
    store = open_store()
    if everything and dry:
        files = list(_files(store.folder / "blobs"))
        return "blobs of images", len(files), sum(file.stat().st_size for file in files)
    if everything:
        for entry in store.layout.index().manifests:
            store.layout.remove(entry)
    pruned = store.prune(dry=dry)
    return "blobs of images", pruned.files, pruned.size


def _fetched(age: float, *, everything: bool, dry: bool) -> tuple[str, int, int]:
    """Wheels and Debian packages; one counts as used when it was read (told once a day).

    Which Debian packages a build has chosen stays: the next one is to choose the same.
    """
    now, count, size = time.time(), 0, 0
    for path in chain(_files(settings().wheels), _files(settings().cache / "debs")):
        if path.suffix == ".json" and not everything:
            continue
        with suppress(FileNotFoundError):  # another prune was here
            stat = path.stat()
            if now - max(stat.st_atime, stat.st_mtime) < age:
                continue
            count, size = count + 1, size + stat.st_size
            if not dry:
                path.unlink()
    return "fetched packages", count, size


def _environments(age: float, *, dry: bool) -> tuple[str, int, int]:
    found = remove_unused(settings(), older_than=age, dry=True)
    sizes = {folder: _room(folder) for folder in found}
    gone = found if dry else remove_unused(settings(), older_than=age)
    return "environments", len(gone), sum(sizes.get(folder, 0) for folder in gone)


def _room(folder: Path) -> int:
    """The bytes that go with a folder: not those of files that uv's cache has, too."""
    stats = (path.lstat() for path in _files(folder))
    return sum(stat.st_size for stat in stats if stat.st_nlink == 1)


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place) / name for name in names)
