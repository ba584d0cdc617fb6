"""An image as one file: what ``docker load`` and ``podman load`` read.

The archive holds an OCI layout, for engines that read one, and Docker's ``manifest.json``, which
names the same blobs, for those that do not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from cogsmith.oci.descriptor import Descriptor
from cogsmith.oci.digest import Digest
from cogsmith.oci.document import canonical
from cogsmith.oci.entries import File
from cogsmith.oci.image import Image
from cogsmith.oci.index import LAYOUT_VERSION, REF_NAME, Index
from cogsmith.oci.layer import Blob
from cogsmith.oci.reference import Reference
from cogsmith.oci.tar_writer import tar

__all__ = ["archive"]

CONTAINERD_NAME = "io.containerd.image.name"


def archive(
    image: Image, references: Sequence[Reference] = (), *, omit: Collection[Digest] = ()
) -> Iterator[bytes]:
    """The file, in pieces; the same for the same image and names.

    ``omit`` has the digests of layers to leave out, since Docker's engine has them already: it
    looks for layers by their chain before it reads their bytes.
    """
    manifest = image.manifest.render()
    blobs = [*image.blobs, Blob.of(manifest, image.manifest.media_type)]
    files = {
        blob.digest: File(path=_path(blob.digest), size=blob.size, open=blob.open)
        for blob in blobs
        if blob.digest not in omit
    }
    names = (
        _index(image, references).render(),
        canonical(_docker(image, references)),
        LAYOUT_VERSION,
    )
    texts = zip(("index.json", "manifest.json", "oci-layout"), names, strict=True)
    return tar([*files.values(), *(File.of(path, data) for path, data in texts)])


def _path(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"


def _index(image: Image, references: Sequence[Reference]) -> Index:
    def named(reference: Reference) -> Descriptor:
        names = {CONTAINERD_NAME: str(reference), REF_NAME: reference.tag or str(reference)}
        return replace(image.descriptor, annotations=names)

    return Index(manifests=tuple(map(named, references)) or (image.descriptor,))


def _docker(image: Image, references: Sequence[Reference]) -> list[dict[str, object]]:
    manifest = image.manifest
    tagged = [replace(reference, digest=None).familiar for reference in references if reference.tag]
    return [
        {
            "Config": _path(manifest.config.digest),
            "RepoTags": tagged,
            "Layers": [_path(layer.digest) for layer in manifest.layers],
        }
    ]
