"""Files → layers: which go together, and the bytes of each, the same on every machine. Pure.

Small files are bundled into compressed archives, large ones have an uncompressed one each
(draft-weights.md, section 1.2, with its example's thresholds): weights hardly compress, and what is
not compressed needs no time to unpack. No layer is written to the disk: it is made of the store's
files when somebody reads it, so that one that a registry has costs nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

from cogsmith.errors import InvalidDigest
from cogsmith.oci import (
    Compression,
    Descriptor,
    Digest,
    Layer,
    chunks_of,
    compress,
    media_types,
    reader,
    recipe,
    verified,
)
from cogsmith.oci import pack as packed
from cogsmith.weights.archive import END, archive_size, before, folders, padding
from cogsmith.weights.files import WeightFile
from cogsmith.weights.progress import FileProgress, Tell, silent

__all__ = ["Bundle", "PackedLayer", "envelope", "pack", "plan_layers"]

BUNDLED_BELOW = 64 * 1024 * 1024  # bytes of a file
BUNDLE = 256 * 1024 * 1024  # bytes of the files of one archive, at most
REVISION = 1  # of what the bytes depend on and no number above says


class Files(Protocol):
    """What packing needs of a store."""

    def read(self, digest: Digest) -> BinaryIO:
        """A stream of a file's bytes."""
        ...

    def known(self, kind: str, key: str) -> Mapping[str, Any] | None:
        """A note that was made under a key."""
        ...

    def note(self, kind: str, key: str, note: Mapping[str, Any]) -> None:
        """Make a note."""
        ...


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of one layer, in its order, and how it is compressed."""

    files: tuple[WeightFile, ...]
    compression: Compression

    @property
    def size(self) -> int:
        """The bytes of the files."""
        return sum(file.size for file in self.files)

    @property
    def key(self) -> str:
        """All that the layer's bytes depend on."""
        parts = [REVISION, recipe(self.compression)]
        parts += [[file.path, file.size, str(file.digest)] for file in self.files]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PackedLayer:
    """A layer with the files in it."""

    bundle: Bundle
    layer: Layer = field(compare=False)


def plan_layers(files: Iterable[WeightFile]) -> tuple[Bundle, ...]:
    """Which files go together: bundles of small ones by path, then a layer for each large one."""
    ordered = sorted(files)
    bundles: list[list[WeightFile]] = []
    room = 0
    for file in ordered:
        if file.size >= BUNDLED_BELOW:
            continue
        if not bundles or file.size > room:
            bundles.append([])
            room = BUNDLE
        bundles[-1].append(file)
        room -= file.size
    large = [file for file in ordered if file.size >= BUNDLED_BELOW]
    return (
        *(Bundle(tuple(bundle), "gzip") for bundle in bundles),
        *(Bundle((file,), "none") for file in large),
    )


def pack(bundle: Bundle, store: Files, tell: Tell = silent) -> PackedLayer:
    """The layer of a bundle, at the price of making it once; none for one that was made before.

    The files are checked against their digests as they are read. Raises DigestMismatch.
    """
    found = _remembered(bundle, store)
    if found is None:
        pieces = _watched(_archive(bundle, store, check=True), bundle, tell)
        found = packed(pieces, bundle.compression)
        descriptor, diff_id = found
        note = {"digest": str(descriptor.digest), "size": descriptor.size, "diff_id": str(diff_id)}
        store.note("layers", bundle.key, note)
    descriptor, diff_id = found
    made = Layer(
        descriptor=descriptor,
        diff_id=diff_id,
        open=lambda: reader(compress(_archive(bundle, store), bundle.compression)),
    )
    return PackedLayer(bundle, made)


def envelope() -> str:
    """The name of this way of packing, for ``envelopeFormat`` in weights.lock."""
    parts = {"cogsmith": REVISION, "gzip": recipe("gzip"), "below": BUNDLED_BELOW, "most": BUNDLE}
    return str(Digest.of(json.dumps(parts, sort_keys=True).encode()))


def _remembered(bundle: Bundle, store: Files) -> tuple[Descriptor, Digest] | None:
    note = store.known("layers", bundle.key)
    if note is None:
        return None
    media_type = media_types.layer_type(bundle.compression)
    try:
        digest, diff_id = Digest.parse(note["digest"]), Digest.parse(note["diff_id"])
        return Descriptor(media_type=media_type, digest=digest, size=int(note["size"])), diff_id
    except (KeyError, TypeError, ValueError, InvalidDigest):
        return None


def _archive(bundle: Bundle, store: Files, *, check: bool = False) -> Iterator[bytes]:
    """The archive in pieces; large ones, as hashing has a price per piece."""
    waiting = bytearray()
    for piece in _pieces(bundle, store, check):
        waiting += piece
        if len(waiting) >= 1 << 20:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


def _pieces(bundle: Bundle, store: Files, check: bool) -> Iterator[bytes]:
    for folder in folders(file.path for file in bundle.files):
        yield before(folder, None)
    for file in bundle.files:
        yield before(file.path, file.size)
        stream = store.read(file.digest)
        if check:
            stream = verified(stream, file.digest, file.size, where=file.path)
        with stream:
            yield from chunks_of(stream)
        yield padding(file.size)
    yield END


def _watched(pieces: Iterator[bytes], bundle: Bundle, tell: Tell) -> Iterator[bytes]:
    title = bundle.files[0].path if len(bundle.files) == 1 else f"{len(bundle.files)} files"
    total = archive_size((file.path, file.size) for file in bundle.files)
    done = 0
    for piece in pieces:
        done += len(piece)
        tell(FileProgress(path=title, state="packing", done=done, total=total))
        yield piece
