"""Is this image what it says? Every digest, size and name is derived again from the bytes.

All that is wrong is told, with both sides: who claims what, and what is there. Bytes are
streamed, once; what is held are the paths of one layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from cogsmith.errors import OciError, Problem
from cogsmith.oci.compression import decompress, detect
from cogsmith.oci.descriptor import Descriptor
from cogsmith.oci.digest import Hasher, chunks_of, reader
from cogsmith.oci.image import MAX_LAYERS, Artifact, Image
from cogsmith.oci.layer import Blob, Layer
from cogsmith.oci.layout import Layout
from cogsmith.oci.media_types import (
    Compression,
    compression_of,
    is_config,
    is_docker,
    is_index,
    is_layer,
)
from cogsmith.oci.tar_reader import TarReader
from cogsmith.oci.tree import Tree

__all__ = ["validate"]


def validate(subject: Image | Artifact | Layout, *, layers: bool = True) -> tuple[Problem, ...]:
    """What is wrong with an image, an artifact, or everything in a layout; () for nothing.

    ``layers=False`` reads an image's documents alone: nothing has to come from afar.
    """
    if isinstance(subject, Layout):
        return tuple(_layout(subject))
    if isinstance(subject, Artifact):
        return tuple(_artifact(subject))
    return tuple(_image(subject) if layers else _documents(subject))


def _layout(layout: Layout) -> Iterator[Problem]:
    try:
        entries = layout.index().manifests
    except OciError as error:
        yield from error.problems
        return
    for entry in entries:
        yield from _entry(layout, entry)


def _entry(layout: Layout, entry: Descriptor) -> Iterator[Problem]:
    try:
        if is_index(entry.media_type):
            inner = layout.nested(entry)
            yield from (problem for one in inner for problem in _entry(layout, one))
            return
        subject: Image | Artifact = layout.artifact(entry)
        attested = entry.platform and entry.platform.os == "unknown"  # BuildKit's: has no files
        if subject.manifest.is_image and not attested:
            subject = layout.image(entry)
    except OciError as error:
        yield from error.problems
        return
    for problem in validate(subject):
        yield Problem(problem.message, f"{entry.digest}: {problem.where}")


def _artifact(artifact: Artifact) -> Iterator[Problem]:
    named = artifact.manifest.blobs
    if named != tuple(blob.descriptor for blob in artifact.blobs):
        yield Problem("the manifest names other blobs than there are", "manifest")
    for number, blob in enumerate(artifact.blobs):
        yield from _blob(blob, f"blob {number}")


def _blob(blob: Blob, where: str) -> Iterator[Problem]:
    hasher = Hasher(blob.digest.algorithm)
    try:
        with blob.open() as stream:
            for data in chunks_of(stream):
                hasher.update(data)
    except OciError as error:
        yield from (Problem(str(problem), where) for problem in error.problems)
    else:
        yield from _differ(blob.descriptor, hasher, where)


def _differ(named: Descriptor, found: Hasher, where: str) -> Iterator[Problem]:
    """The two sides of a digest and a size."""
    if named.size != found.size:
        message = f"the manifest says {named.size} bytes, and there are {found.size}"
        yield Problem(message, where)
    if named.digest != found.digest:
        message = f"the manifest says {named.digest}, and the bytes are {found.digest}"
        yield Problem(message, where)


def _documents(image: Image) -> Iterator[Problem]:
    yield from _counts(image)
    yield from _names(image)
    config = Hasher(image.manifest.config.digest.algorithm)
    config.update(image.config.render())
    yield from _differ(image.manifest.config, config, "config")


def _image(image: Image) -> Iterator[Problem]:
    yield from _documents(image)
    for number, layer in enumerate(image.layers):
        yield from _Layer(layer, number).problems()


def _counts(image: Image) -> Iterator[Problem]:
    """How many layers each of the documents tells of, and which."""
    counts = len(image.manifest.layers), len(image.config.diff_ids), len(image.layers)
    if len(set(counts)) > 1:
        message = "the manifest has {} layers, the config tells of {}, and there are {}"
        yield Problem(message.format(*counts), "layers")
    if counts[2] > MAX_LAYERS:
        yield Problem(f"there are {counts[2]} layers, and engines take {MAX_LAYERS}", "layers")
    told = len([entry for entry in image.config.history if not entry.empty_layer])
    if image.config.history and told != counts[1]:
        yield Problem(f"tells of {told} layers, and diff_ids of {counts[1]}", "config: history")
    sides = zip(image.layers, image.manifest.layers, image.config.diff_ids, strict=False)
    for number, (layer, named, diff_id) in enumerate(sides):
        if layer.descriptor != named:
            message = f"the manifest names {named.digest}, and the layer is {layer.digest}"
            yield Problem(message, f"layer {number}")
        if layer.diff_id != diff_id:
            message = f"the config names {diff_id}, and the layer is {layer.diff_id}"
            yield Problem(message, f"layer {number}")


def _names(image: Image) -> Iterator[Problem]:
    """Media types: each must be of its kind, and all OCI's or all Docker's."""
    manifest = image.manifest
    docker = is_docker(manifest.media_type)
    named = [("config", manifest.config.media_type, is_config)]
    named += [
        (f"layer {number}", layer.media_type, is_layer)
        for number, layer in enumerate(manifest.layers)
    ]
    for where, media_type, fits in named:
        if not fits(media_type):
            yield Problem(f"{media_type[:120]!r} is no {where.split()[0]}", where)
        elif is_docker(media_type) != docker:
            message = f"{media_type} stands in a manifest that is {manifest.media_type}"
            yield Problem(message, where)
        elif docker and compression_of(media_type) == "zstd":
            yield Problem("Docker's manifests know no zstd: many programs refuse it", where)


class _Layer:
    """One layer, read once: hashed as it is, decompressed, hashed again, and looked through."""

    def __init__(self, layer: Layer, number: int) -> None:
        self.layer, self.number, self.where = layer, number, f"layer {number}"
        self.outer = Hasher(layer.digest.algorithm)
        self.inner = Hasher(layer.diff_id.algorithm)
        self.unpacked = False  # to the end

    def problems(self) -> Iterator[Problem]:
        """What is wrong with it. An archive that cannot be read still has its digest checked."""
        try:
            with self.layer.open() as stream:
                pieces = _hashed(chunks_of(stream), self.outer)
                yield from self._content(pieces)
                for _ in pieces:
                    pass
        except OciError as error:
            yield from self._told(error)
            return
        yield from _differ(self.layer.descriptor, self.outer, self.where)
        if self.unpacked and self.inner.digest != self.layer.diff_id:
            sides = f"says {self.layer.diff_id}, and the archive is {self.inner.digest}"
            yield Problem(f"the config {sides}", self.where)

    def _told(self, error: OciError) -> Iterator[Problem]:
        yield from (Problem(str(problem), self.where) for problem in error.problems)

    def _content(self, pieces: Iterator[bytes]) -> Iterator[Problem]:
        head = next(pieces, b"")
        named = compression_of(self.layer.descriptor.media_type)
        found = detect(head)
        if named != found:
            message = f"the media type says {named}, and the bytes are {found}"
            yield Problem(message.replace("none", "not compressed"), self.where)
        with reader(self._unpack(chain([head], pieces), found)) as stream:
            yield from self._archive(TarReader(stream))

    def _unpack(self, pieces: Iterator[bytes], compression: Compression) -> Iterator[bytes]:
        yield from _hashed(decompress(pieces, compression), self.inner)
        self.unpacked = True

    def _archive(self, archive: TarReader) -> Iterator[Problem]:
        tree = Tree(lowest=self.number == 0)
        try:
            for member in archive:
                yield from (Problem(m, f"{self.where}: {p}") for p, m in tree.add(member))
        except OciError as error:
            yield from self._told(error)
        try:
            if not archive.rest():
                yield Problem("other bytes follow the end of the archive", self.where)
        except OciError as error:
            yield from self._told(error)


def _hashed(pieces: Iterable[bytes], hasher: Hasher) -> Iterator[bytes]:
    for piece in pieces:
        hasher.update(piece)
        yield piece
