"""An image as engines save it: an archive with ``manifest.json``, of Docker's form or OCI's.

Each layer is read by its place in the archive; older engines write links for layers that come
twice, and newer ones (with containerd's store) keep layers compressed.
"""

from __future__ import annotations

import itertools
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cogsmith.errors import DockerError
from cogsmith.oci import CHUNK, Digest, decompress, detect
from cogsmith.values import dataclass

__all__ = ["Saved"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The layers of a saved image, from the lowest, by their names in the archive."""

    path: Path
    layers: tuple[str, ...]
    diff_ids: tuple[Digest, ...]

    @classmethod
    def read(cls, path: Path) -> Saved:
        """Look at an archive. Raises DockerError for one that is not an image's."""
        try:
            with tarfile.open(path, "r:") as archive:
                told = _json(archive, "manifest.json")[0]
                config = _json(archive, told["Config"])
            ids = tuple(Digest.parse(text) for text in config["rootfs"]["diff_ids"])
            layers = tuple(map(str, told["Layers"]))
        except (OSError, tarfile.TarError, ValueError, KeyError, TypeError, IndexError) as error:
            message = f"what the engine saved is not an image: {error!r}"
            raise DockerError(message) from error
        if len(ids) != len(layers):
            raise DockerError(f"the engine saved {len(layers)} layers of {len(ids)}")
        return cls(path=path, layers=layers, diff_ids=ids)

    def above(self, below: tuple[Digest, ...]) -> tuple[str, ...]:
        """The layers on top of these. Raises DockerError when it begins with others."""
        if self.diff_ids[: len(below)] != below:
            raise DockerError("the engine built on other layers than those it was given")
        return self.layers[len(below) :]

    def content(self, name: str) -> Iterator[bytes]:
        """The bytes of a layer, uncompressed, in pieces. Raises DockerError."""
        try:
            with tarfile.open(self.path, "r:") as archive:
                pieces = _pieces(archive, name)
                first = next(pieces, b"")
                yield from decompress(itertools.chain([first], pieces), detect(first))
        except (OSError, tarfile.TarError, KeyError) as error:
            message = f"a layer that the engine saved cannot be read: {error}"
            raise DockerError(message) from error


def _pieces(archive: tarfile.TarFile, name: str) -> Iterator[bytes]:
    file = archive.extractfile(name)  # follows links
    if file is None:
        raise KeyError(name)
    with file:
        while data := file.read(CHUNK):
            yield data


def _json(archive: tarfile.TarFile, name: str) -> Any:
    return json.loads(b"".join(_pieces(archive, name)))
