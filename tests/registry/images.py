"""Images to push: a few layers of bytes that nobody has."""

from __future__ import annotations

import io
import random

from cogsmith.oci import (
    Blob,
    Descriptor,
    File,
    Image,
    ImageConfig,
    Layer,
    Platform,
    layer,
    media_types,
    tar,
)

LINUX = Platform.parse("linux/amd64")


def layer_of(data: bytes) -> Layer:
    """Bytes that are no archive: registries do not look."""
    descriptor = Descriptor.of(data, media_types.layer_type("none"))
    return Layer(descriptor=descriptor, diff_id=descriptor.digest, open=lambda: io.BytesIO(data))


def image_of(*sizes: int, seed: int = 1, platform: Platform = LINUX) -> Image:
    """An image with layers of so many bytes; the same seed makes the same image."""
    chance = random.Random(seed)
    layers = tuple(layer_of(chance.randbytes(size)) for size in sizes)
    return Image.of(ImageConfig(platform=platform), layers)


def whole_image(*sizes: int, seed: int = 1) -> Image:
    """An image that is right to its last file, of which each layer has one."""
    chance = random.Random(seed)
    files = [File.of(f"srv/{n}", chance.randbytes(size)) for n, size in enumerate(sizes)]
    layers = [layer(lambda file=file: tar([file])) for file in files]  # type: ignore[misc]
    return Image.of(ImageConfig(platform=LINUX), layers)


def bytes_of(blob: Blob) -> bytes:
    with blob.open() as stream:
        return stream.read()
