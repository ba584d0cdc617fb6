"""Images: manifest, config and layers as one value, and how one becomes another."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO

from cogsmith.errors import InvalidDocument
from cogsmith.oci.descriptor import Descriptor
from cogsmith.oci.digest import Digest
from cogsmith.oci.image_config import History, ImageConfig
from cogsmith.oci.layer import Blob, Layer
from cogsmith.oci.manifest import Manifest
from cogsmith.oci.media_types import EMPTY, OCI_CONFIG, to_oci
from cogsmith.values import dataclass

__all__ = ["MAX_LAYERS", "Artifact", "Image"]

# Docker's engine takes 125 layers and says so only when an image is pulled (facts/builders.md,
# section 2); overlayfs takes 128.
MAX_LAYERS = 125


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A manifest with the blobs that it names: layers first, the config last."""

    manifest: Manifest
    blobs: tuple[Blob, ...]

    @classmethod
    def of(
        cls, artifact_type: str, blobs: Sequence[Blob], *, subject: Descriptor | None = None
    ) -> Artifact:
        """What is no image: an SBOM or a signature, say, of ``subject``, with an empty config."""
        config = Blob.of(b"{}", EMPTY)
        blobs = tuple(blobs) or (config,)  # the spec: one layer at least
        manifest = Manifest(
            artifact_type=artifact_type,
            config=config.descriptor,
            layers=tuple(blob.descriptor for blob in blobs),
            subject=subject,
        )
        return cls(manifest=manifest, blobs=(*blobs, config))

    @property
    def digest(self) -> Digest:
        """The name of the whole: the digest of its manifest."""
        return self.manifest.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image. ``validate`` says where manifest, config and layers do not agree."""

    manifest: Manifest
    config: ImageConfig
    layers: tuple[Layer, ...] = ()

    @classmethod
    def of(
        cls,
        config: ImageConfig,
        layers: Sequence[Layer] = (),
        *,
        annotations: Mapping[str, str] | None = None,
    ) -> Image:
        """An image of these layers: the config gets their diff ids, and there is a manifest.

        Raises InvalidDocument for more layers than engines take.
        """
        if len(layers) > MAX_LAYERS:
            message = f"an image has {MAX_LAYERS} layers at most, not {len(layers)}"
            raise InvalidDocument(message, hint="put more into one layer")
        layers = tuple(map(_renamed, layers))
        config = replace(config, diff_ids=tuple(layer.diff_id for layer in layers))
        manifest = Manifest(
            config=Descriptor.of(config.render(), OCI_CONFIG),
            layers=tuple(layer.descriptor for layer in layers),
            annotations=annotations or {},
        )
        return cls(manifest=manifest, config=config, layers=layers)

    @classmethod
    def assemble(
        cls, manifest: Manifest, config: ImageConfig, open_blob: Callable[[Descriptor], BinaryIO]
    ) -> Image:
        """An image as it came: its documents, and where the bytes of its layers are.

        Raises InvalidDocument where the two do not tell of equally many layers.
        """
        if len(manifest.layers) != len(config.diff_ids):
            message = (
                f"the manifest has {len(manifest.layers)} layers, "
                f"and the config tells of {len(config.diff_ids)}"
            )
            raise InvalidDocument(message, where=str(manifest.digest))
        layers = tuple(
            Layer(descriptor=layer, diff_id=diff_id, open=_opener(open_blob, layer))
            for layer, diff_id in zip(manifest.layers, config.diff_ids, strict=True)
        )
        return cls(manifest=manifest, config=config, layers=layers)

    @property
    def digest(self) -> Digest:
        """The name of the image: the digest of its manifest."""
        return self.manifest.digest

    @property
    def descriptor(self) -> Descriptor:
        """How an index speaks of the image: with its platform."""
        return replace(self.manifest.descriptor, platform=self.config.platform)

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """All blobs of the image: layers first, the config last, as they are best sent."""
        data = self.config.render()
        config = Blob(descriptor=self.manifest.config, open=lambda: io.BytesIO(data))
        return (*self.layers, config)

    def append(self, layers: Sequence[Layer], history: Sequence[History] = ()) -> Image:
        """The image with these layers on top, and a line of history for each if any is given.

        The blobs stay what they are; names of Docker's become OCI's, since some registries
        refuse a manifest that has both. Raises InvalidDocument for more layers than fit.
        """
        told: tuple[History, ...] = ()
        if history or self.config.history:
            told = (*_fitting(self.config.history, self.layers), *_fitting(history, layers))
        config = replace(self.config, history=told)
        return self.of(config, (*self.layers, *layers), annotations=self.manifest.annotations)

    def with_config(self, change: Callable[[ImageConfig], ImageConfig]) -> Image:
        """The image with another config; the layers stay."""
        return self.of(change(self.config), self.layers, annotations=self.manifest.annotations)


def _renamed(layer: Layer) -> Layer:
    media_type = to_oci(layer.descriptor.media_type)
    return replace(layer, descriptor=replace(layer.descriptor, media_type=media_type))


def _opener(
    open_blob: Callable[[Descriptor], BinaryIO], layer: Descriptor
) -> Callable[[], BinaryIO]:
    return lambda: open_blob(layer)


def _fitting(history: Sequence[History], layers: Sequence[Layer]) -> Sequence[History]:
    """The history, or as many empty lines as there are layers where it tells of others."""
    told = [entry for entry in history if not entry.empty_layer]
    return history if len(told) == len(layers) else [History() for _ in layers]
