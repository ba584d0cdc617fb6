"""A layer → files of the store, each checked against what weights.lock says. Pure.

Layers are taken as strangers': every path must be one that the lock names for this layer, and the
bytes must be those of its digest; anything else is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from cogsmith.errors import WeightsError
from cogsmith.oci import Digest, TarReader, chunks_of, decompress, media_types, reader
from cogsmith.weights.files import WeightFile
from cogsmith.weights.lock import LockedLayer, LockedWeight
from cogsmith.weights.store import Store

__all__ = ["missing_layers", "unpack"]


def missing_layers(weight: LockedWeight, store: Store) -> Mapping[Digest, tuple[WeightFile, ...]]:
    """The layers that have to be fetched, each with the files for which it has to be."""
    missing: dict[Digest, tuple[WeightFile, ...]] = {}
    for file in store.missing(weight.files):
        layer = weight.layer_of[file.path]
        missing[layer] = (*missing.get(layer, ()), file)
    return missing


def unpack(
    stream: BinaryIO, layer: LockedLayer, weight: LockedWeight, store: Store,
    tell: Callable[[int], None] = lambda _size: None,
) -> tuple[WeightFile, ...]:  # fmt: skip
    """Put the files of a layer into the store; those that were not there.

    ``tell`` hears how many bytes of the layer, as the registry has it, have been read. Raises
    WeightsError, InvalidLayer, DigestMismatch.
    """
    expected = {file.path: file for file in weight.files_of(layer.digest)}
    where = f"{weight.name}, layer {layer.digest.short}"
    seen, made = set(), []
    with reader(_told(stream, tell)) as counted:
        compression = media_types.compression_of(layer.media_type)
        archive = TarReader(reader(decompress(chunks_of(counted), compression)))
        for member in archive:
            if member.kind == "directory":
                continue
            file = expected.get(member.path) if member.kind == "file" else None
            if file is None:
                message = f'unexpected {member.kind} "{member.path}" that is not in weights.lock'
                raise WeightsError(message, where=where)
            seen.add(file.path)
            if not store.has(file):
                made.append(_kept(archive, file, store))
        archive.rest()  # to the end: only then the digest of the layer has been checked
        for _ in chunks_of(counted):
            pass
    if lost := sorted(expected.keys() - seen):
        raise WeightsError(f"lacks files: {', '.join(lost[:5])}", where=where)
    return tuple(made)


def _kept(archive: TarReader, file: WeightFile, store: Store) -> WeightFile:
    with store.incoming(f"unpacked {file.digest}") as coming:
        coming.restart()
        for data in archive.content():
            coming.write(data)
        return coming.keep(file.path, size=file.size, digest=file.digest)


def _told(stream: BinaryIO, tell: Callable[[int], None]) -> Iterator[bytes]:
    done = 0
    with stream:
        for data in chunks_of(stream):
            done += len(data)
            yield data
            tell(done)
