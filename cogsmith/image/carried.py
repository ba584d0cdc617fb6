"""SBOM and provenance of an image with other code: those of the image before, about this one.

They are what ``attachments`` makes of all materials, byte for byte; but the materials are not
looked at again, as none of them has changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from cogsmith.image.provenance import PROVENANCE_TYPE, provenance_after
from cogsmith.image.trust.materials import Checkout
from cogsmith.image.trust.text import serial
from cogsmith.oci import Artifact, Blob, Descriptor, Digest, Image, Layout

__all__ = ["carried"]


def carried(
    entries: Iterable[Descriptor], before: Digest, image: Image, checkout: Checkout | None,
    layout: Layout,
) -> tuple[Artifact, ...]:  # fmt: skip
    """The attachments of ``image``; ``entries`` are the manifests of those of ``before``.

    Raises NotInLayout where the layout has them no more.
    """
    found = []
    for entry in entries:
        manifest = layout.artifact(entry).manifest
        data = layout.document(manifest.layers[0])
        if manifest.artifact_type == PROVENANCE_TYPE:
            found.append(provenance_after(json.loads(data), image, checkout))
        else:
            found.append(_bill(data, manifest.artifact_type, before, image))
    return tuple(found)


def _bill(data: bytes, kind: str, before: Digest, image: Image) -> Artifact:
    """An SBOM says of its image how it is called, and nothing else that its code decides."""
    text = data.decode().replace(serial(before), serial(image.digest))
    text = text.replace(before.hex, image.digest.hex)
    return Artifact.of(kind, [Blob.of(text.encode(), kind)], subject=image.manifest.descriptor)
