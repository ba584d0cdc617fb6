"""Folders with the files of a weight, made of hard links to the store: nothing is there twice."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from cogsmith.errors import WeightsError
from cogsmith.weights.files import STATE, WeightFile
from cogsmith.weights.lock import LockedWeight
from cogsmith.weights.mounts import LocalLink, Mount, plan_mounts
from cogsmith.weights.store.disk import locked, refusals, used
from cogsmith.weights.store.store import Store, missing_message

__all__ = ["assembled", "linked"]

# Where hard links cannot be: another file system, a file system without them, too many of them.
NO_LINKS = {errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK}


@contextmanager
def assembled(
    weights: Sequence[LockedWeight], store: Store, project: Path
) -> Iterator[tuple[Mount, ...]]:
    """Folders for one run of a container, and where it should see them; gone at the end.

    They are in ``.cog/mounts`` of the project, as Cog's are. Raises WeightsError when files are
    not in the store.
    """
    if not weights:
        yield ()
        return
    root = project / STATE / "mounts" / os.urandom(4).hex()
    try:
        for weight in weights:
            _assemble(weight, store, root / weight.name)
        yield plan_mounts(weights, root)
    finally:
        shutil.rmtree(root, ignore_errors=True)
        for folder in (root.parent, root.parent.parent):
            with suppress(OSError):
                folder.rmdir()  # goes when it is empty, and only then


@contextmanager
def linked(links: Sequence[LocalLink], store: Store) -> Iterator[tuple[Path, ...]]:
    """The places with their files, while a project runs on this machine; those that are links.

    A place that holds the very files already (their source, mostly) stays as it is. A link is taken
    away by the last run that uses it. Raises WeightsError for a place that holds anything else, and
    for places outside of the project that are not there: only a container could show those.
    """
    absent = [link for link in links if not link.inside and not link.place.exists()]
    if absent:
        told = ", ".join(f"{link.weight.name} ({link.place})" for link in absent)
        message = f"these weights have targets that are not on this machine: {told}"
        hint = "set the target to a folder under /src, the project, or run the image"
        raise WeightsError(message, hint=hint)
    with ExitStack() as stack:
        made = [link.place for link in links if stack.enter_context(_linked(link, store))]
        yield tuple(made)


@contextmanager
def _linked(link: LocalLink, store: Store) -> Iterator[bool]:
    name = hashlib.sha256(str(link.place.absolute()).encode()).hexdigest()
    use = store.root / "places" / name
    with used(use) as is_last:
        with locked(use.with_suffix(".lock")):
            ours = _make(link, store)
        try:
            yield ours
        finally:
            with locked(use.with_suffix(".lock")):
                if ours and is_last() and _is_ours(link.place, store):
                    with suppress(OSError):
                        link.place.unlink()


def _kept_folder(weight: LockedWeight, store: Store) -> Path:
    """A folder in the store for this set of files, made once."""
    folder = store.root.absolute() / "folders" / weight.set_digest.hex
    with locked(folder.with_suffix(".lock")), refusals(folder):
        if not (folder / STATE / "ready").exists():
            part = folder.with_name(f"{folder.name}.{os.urandom(4).hex()}.new")
            try:
                _assemble(weight, store, part)
                if folder.exists():
                    shutil.rmtree(folder)
                part.replace(folder)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    return folder


def _assemble(weight: LockedWeight, store: Store, folder: Path) -> None:
    missing = store.missing(weight.files)
    if missing:
        raise missing_message(weight.name, missing)
    with refusals(folder):
        folder.mkdir(parents=True)
        for file in weight.files:
            place = folder / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            _link(store.path(file.digest), place)
        (folder / STATE).mkdir()
        (folder / STATE / "ready").touch()  # the last: draft-weights.md, section 3.2


def _link(source: Path, place: Path) -> None:
    """One more name for a file; a copy where the disks allow no other."""
    try:
        os.link(source, place)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        shutil.copyfile(source, place)


def _make(link: LocalLink, store: Store) -> bool:
    """Put a link where nothing is; whether there is one of ours now."""
    place = link.place
    with refusals(place):
        if _is_ours(place, store):  # of another run, or of one that was killed
            if place.readlink() == _kept_folder(link.weight, store):
                return True
            place.unlink()
        elif place.exists() or place.is_symlink():
            _check(link)
            return False
        content = _kept_folder(link.weight, store)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(content)
    return True


def _is_ours(place: Path, store: Store) -> bool:
    return place.is_symlink() and place.readlink().is_relative_to(store.root.absolute() / "folders")


def _check(link: LocalLink) -> None:
    """Raise WeightsError unless the place holds the files of the weight, by name and size."""
    lacking = [file.path for file in link.weight.files if not _fits(link.place, file)]
    if lacking:
        message = f'holds other files than the weight "{link.weight.name}": {_some(lacking)}'
        hint = "move it away, or import it anew with: cogsmith weights import"
        raise WeightsError(message, where=str(link.place), hint=hint)


def _fits(place: Path, file: WeightFile) -> bool:
    try:
        return (place / file.path).stat().st_size == file.size
    except (FileNotFoundError, NotADirectoryError):
        return False


def _some(paths: Iterable[str]) -> str:
    paths = list(paths)
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
