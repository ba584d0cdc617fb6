"""Where two images differ: config, layers, and the first file in the first layer that does.

What a remote image says of itself is never believed: that two layers are the same files, only
compressed in another way, is said when both archives have been read and hashed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from cogsmith.image.trust.archives import FileDifference, first_difference
from cogsmith.image.trust.documents import ValueDifference, config_differences
from cogsmith.oci import Digest, Hasher, Image, Layer, chunks_of
from cogsmith.values import dataclass

__all__ = ["Differences", "LayerDifference", "differences"]

OURS = "cogsmith: "  # what our own lines of history begin with


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerDifference:
    """The first layer that differs: its place (0 is the lowest) and title in each image.

    ``ours`` or ``theirs`` is None where the other image has a layer that this one lacks.
    ``file`` is the first file that differs; None where all files are the same, and only how
    the archive is written differs, or where one side has no such layer to compare with.
    """

    number: int
    title: str
    their_title: str
    ours: Digest | None
    theirs: Digest | None
    file: FileDifference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Where two images differ; false where they are the same, byte for byte.

    ``values`` are those of manifest and config. ``only_ours`` and ``only_theirs`` are titles of
    layers that the other image has nowhere. ``recompressed`` are the places of layers that
    hold the same archive in other bytes.
    """

    ours: Digest
    theirs: Digest
    values: tuple[ValueDifference, ...] = ()
    counts: tuple[int, int] = (0, 0)
    only_ours: tuple[str, ...] = ()
    only_theirs: tuple[str, ...] = ()
    recompressed: tuple[int, ...] = ()
    layer: LayerDifference | None = None

    def __bool__(self) -> bool:
        return self.ours != self.theirs


def differences(ours: Image, theirs: Image) -> Differences:
    """Compare two images. Only layers whose digests differ are read, one pair at a time.

    Raises InvalidLayer and DigestMismatch for layers that are not what they say, and
    RegistryError where one cannot be read.
    """
    if ours.digest == theirs.digest:
        return Differences(ours=ours.digest, theirs=theirs.digest)
    recompressed: list[int] = []
    return Differences(
        ours=ours.digest,
        theirs=theirs.digest,
        values=config_differences(ours, theirs),
        counts=(len(ours.layers), len(theirs.layers)),
        only_ours=_missing(ours, theirs),
        only_theirs=_missing(theirs, ours),
        layer=_first(ours, theirs, recompressed),
        recompressed=tuple(recompressed),
    )


def _missing(here: Image, there: Image) -> tuple[str, ...]:
    known = {layer.diff_id for layer in there.layers}
    pairs = zip(here.layers, titles(here), strict=True)
    return tuple(title for layer, title in pairs if layer.diff_id not in known)


def titles(image: Image) -> tuple[str, ...]:
    """What the history calls each layer; "layer N" where it says nothing that fits."""
    told = [entry for entry in image.config.history if not entry.empty_layer]
    if len(told) != len(image.layers):
        told = []
    found = itertools.zip_longest(told, image.layers)
    return tuple(
        (entry.created_by.removeprefix(OURS) if entry else "") or f"layer {number}"
        for number, (entry, _) in enumerate(found)
    )


def _first(ours: Image, theirs: Image, recompressed: list[int]) -> LayerDifference | None:
    """The first layer whose archive differs; those that differ in compression are noted."""
    for place in _places(ours, theirs):
        mine, other = place
        if mine is None or other is None or mine.layer.diff_id != other.layer.diff_id:
            return _difference(mine, other)
        if _same_archive(mine.layer, other.layer):
            recompressed.append(mine.number)
        else:  # their config names an archive that their layer is not
            return _difference(mine, other)
    return None


@dataclass(frozen=True, slots=True)
class _Place:
    layer: Layer
    number: int
    title: str


def _places(ours: Image, theirs: Image) -> Iterator[tuple[_Place | None, _Place | None]]:
    """Layers side by side whose blobs differ, those with the same diff id last.

    A layer that is only here or there moves all above it by one: so where the one on the
    other side comes again later, this one is alone.
    """
    mine, other = _placed(ours), _placed(theirs)
    again: list[tuple[_Place | None, _Place | None]] = []
    while mine or other:
        left, right = _next(mine, other)
        if left and right and left.layer.diff_id == right.layer.diff_id:
            if left.layer.digest != right.layer.digest:
                again.append((left, right))
            continue
        yield left, right
    yield from again


def _placed(image: Image) -> list[_Place]:
    return list(map(_Place, image.layers, itertools.count(), titles(image)))


def _next(mine: list[_Place], other: list[_Place]) -> tuple[_Place | None, _Place | None]:
    if not mine or not other:
        return (mine.pop(0), None) if mine else (None, other.pop(0))
    if mine[0].layer.diff_id != other[0].layer.diff_id:
        known_there = any(p.layer.diff_id == mine[0].layer.diff_id for p in other)
        known_here = any(p.layer.diff_id == other[0].layer.diff_id for p in mine)
        if known_here and not known_there:
            return mine.pop(0), None
        if known_there and not known_here:
            return None, other.pop(0)
    return mine.pop(0), other.pop(0)


def _difference(mine: _Place | None, other: _Place | None) -> LayerDifference:
    file = _file(mine.layer, other.layer) if mine and other else None
    place = mine or other
    assert place
    return LayerDifference(
        number=place.number,
        title=mine.title if mine else "",
        their_title=other.title if other else "",
        ours=mine.layer.digest if mine else None,
        theirs=other.layer.digest if other else None,
        file=file,
    )


def _file(ours: Layer, theirs: Layer) -> FileDifference | None:
    with ours.uncompressed() as mine, theirs.uncompressed() as other:
        return first_difference(mine, other)


def _same_archive(ours: Layer, theirs: Layer) -> bool:
    """Whether theirs is the archive that both configs name: read, not believed."""
    hasher = Hasher(ours.diff_id.algorithm)
    with theirs.uncompressed() as stream:
        for data in chunks_of(stream):
            hasher.update(data)
    return hasher.digest == ours.diff_id
