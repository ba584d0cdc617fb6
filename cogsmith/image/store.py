"""The store: every layer that was made here, found again by what it was made of.

A folder with an OCI layout, and beside it three tables of small files: ``layers`` (a recipe's
key → what its layer is called), ``files`` (a large file as it was last seen → its hash) and
``notes`` (what else takes long to find out); and ``kept``, files that were made here. The tables
only save work: what they name counts when its bytes are in the layout, and what cannot be read
there is made again. Everything is written beside and renamed, so that what is found is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from cogsmith.errors import CogsmithError, InvalidLayer, OciError
from cogsmith.image.progress import LayerProgress, Tell, silent
from cogsmith.image.recipe import Recipe, key_of
from cogsmith.oci import CHUNK, Descriptor, Digest, Layer, Layout, Pruned
from cogsmith.values import dataclass

__all__ = ["Seen", "Store"]

# A file that was written a moment ago may be written again without its time being another.
SETTLED = 2.0  # seconds
DAY = 86400.0  # seconds
STEP = 1 << 20  # bytes between two words about a layer's progress


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as the file system tells of it; whoever writes to it changes at least one of these.

    Times are in nanoseconds. ``changed`` is the time that no program can set.
    """

    size: int
    modified: int
    changed: int
    inode: int
    device: int
    mode: int

    @classmethod
    def of(cls, path: Path | int) -> Seen:
        """What is at a path, or open under this number."""
        found = os.stat(path)  # noqa: PTH116 - a number has no Path
        return cls(
            found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev,
            found.st_mode,
        )  # fmt: skip

    @property
    def executable(self) -> bool:
        """Whether its owner may run it."""
        return bool(self.mode & stat.S_IXUSR)


class Store:
    """The layers that were made here. Raises OciError for what the disk refuses."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.folder = folder
        self.layout = layout

    @classmethod
    def at(cls, folder: Path) -> Store:
        """The store in this folder, which is made if there is none."""
        with _refusals(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return cls(folder, Layout.create(folder))

    def session(self) -> AbstractContextManager[None]:
        """While it lasts, no ``prune`` takes a layer away: hold it until the image is named."""
        return self.layout.session()

    def known(self, recipe: Recipe) -> Layer | None:
        """The layer of a recipe that was made before and is whole, else None."""
        told = self._row("layers", recipe.key)
        try:
            descriptor = Descriptor(
                media_type=str(told["mediaType"]),
                digest=Digest.parse(told["digest"]),
                size=int(told["size"]),
            )
            diff_id = Digest.parse(told["diffId"])
        except (KeyError, TypeError, ValueError, AttributeError, CogsmithError):
            return None
        if not self.layout.has(descriptor):
            return None
        return Layer(
            descriptor=descriptor, diff_id=diff_id, open=lambda: self.layout.open(descriptor)
        )

    def make(self, recipe: Recipe, tell: Tell = silent) -> Layer:
        """Make a layer, keep it and remember it; what is there already is made again.

        ``tell`` hears of it about once in a megabyte; what it raises ends the making, and
        nothing is left behind.
        """
        made = self.layout.make(lambda write: recipe.pack(_told(recipe, write, tell)))
        descriptor = made.descriptor
        row = {
            "title": recipe.title, "mediaType": descriptor.media_type,
            "digest": str(descriptor.digest), "size": descriptor.size,
            "diffId": str(made.diff_id),
        }  # fmt: skip
        self._write("layers", recipe.key, json.dumps(row).encode())
        return made

    def sha256(self, path: Path) -> tuple[str, Seen]:
        """The hash of a file, in hex, and the file as it was hashed.

        A large file that is still as it was seen last is not read again. Raises InvalidLayer
        for a file that is written to meanwhile, or cannot be read.
        """
        with _unreadable(path):
            seen = Seen.of(path)
            large = seen.size >= CHUNK
            name = key_of(str(path), *_values(seen)) if large else ""
            known = self._row("files", name).get("sha256") if large else None
            if isinstance(known, str) and len(known) == 64:
                return known, seen
            found = _hash(path)
            if Seen.of(path) != seen:
                hint = "do not change files during a build"
                raise InvalidLayer("changes while it is read", where=str(path), hint=hint)
        if large and time.time() - seen.modified / 1e9 > SETTLED:
            self._write("files", name, json.dumps({"sha256": found}).encode())
        return found, seen

    def recall(self, name: str) -> dict[str, Any]:
        """A note that ``note`` kept, {} where there is none."""
        return self._row("notes", name)

    def note(self, name: str, values: dict[str, Any], *, about: Digest) -> None:
        """Keep what took long to find out of a blob; ``name`` says all that it depends on."""
        self._write("notes", name, json.dumps({**values, "digest": str(about)}).encode())

    def keep(self, name: str, data: bytes) -> Path:
        """The file that has these bytes; a name that is there already names the same."""
        path = self.folder / "kept" / name
        with _refusals(path):
            if not path.exists():
                _put(path, data)
        return path

    def prune(self, *, dry: bool = False) -> Pruned:
        """Take away the layers that no kept image has, and what broken-off runs left.

        ``dry``: only say what would go. Raises OciError while another process builds, pulls or
        pushes.
        """
        pruned = self.layout.prune(dry=dry)
        if dry:
            return pruned
        with _refusals(self.folder):
            for path in self.folder.glob("files/*/*"):
                path.unlink(missing_ok=True)
            for path in self.folder.glob("kept/*"):
                if time.time() - path.stat().st_mtime > DAY:  # a build may just have begun
                    path.unlink(missing_ok=True)
            for path in [*self.folder.glob("layers/*/*"), *self.folder.glob("notes/*/*")]:
                if not self._has(_read(path).get("digest")):
                    path.unlink(missing_ok=True)
        return pruned

    def _has(self, digest: object) -> bool:
        try:
            return self.layout.path(Digest.parse(str(digest))).exists()
        except CogsmithError:
            return False

    def _path(self, table: str, name: str) -> Path:
        hashed = hashlib.sha256(name.encode()).hexdigest()
        return self.folder / table / hashed[:2] / f"{hashed[2:]}.json"

    def _row(self, table: str, name: str) -> dict[str, Any]:
        return _read(self._path(table, name))

    def _write(self, table: str, name: str, data: bytes) -> None:
        path = self._path(table, name)
        with _refusals(path):
            _put(path, data)


def _put(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all."""
    beside = path.with_suffix(f".{os.urandom(8).hex()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        beside.write_bytes(data)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _told(recipe: Recipe, write: Callable[[bytes], object], tell: Tell) -> Callable[[bytes], None]:
    """The same function, and a word about it now and then; no data: a word that it goes on."""
    done = said = 0

    def counted(data: bytes) -> None:
        nonlocal done, said
        write(data)
        done += len(data)
        if done - said >= STEP or not said or not data:
            said = done
            shown = min(done, recipe.size)
            tell(LayerProgress(title=recipe.title, state="making", done=shown, total=recipe.size))

    return counted


def _values(seen: Seen) -> tuple[int, ...]:
    return seen.size, seen.modified, seen.changed, seen.inode, seen.device


def _hash(path: Path) -> str:
    hashed = hashlib.sha256(usedforsecurity=False)
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            hashed.update(data)
    return hashed.hexdigest()


@contextmanager
def _unreadable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise InvalidLayer(message, where=str(path)) from error


@contextmanager
def _refusals(where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "make room on the disk, and run `cogsmith prune`"
        place = str(error.filename or where)
        raise OciError(error.strerror or str(error), where=place, hint=hint, code="disk") from error
