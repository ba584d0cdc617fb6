"""A weight in a registry: Cog's artifact, the same blobs as a CNCF ModelPack, and the index. Pure.

The documents are Cog's to the byte (``specs/draft-weights.md``, section 2, and the order in which
Go writes fields), so that whoever imports the same files gets the same digest. A layer's media type
stands in the manifest, not in the blob: a second manifest calls the same blobs by other names.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cogsmith.errors import WeightsError
from cogsmith.oci import (
    Artifact,
    Blob,
    Descriptor,
    Digest,
    Index,
    Manifest,
    Platform,
    media_types,
)
from cogsmith.weights.lock import (
    LockedLayer,
    LockedWeight,
    Provenance,
    WeightsLock,
    go_json,
)
from cogsmith.weights.pack import PackedLayer
from cogsmith.weights.source import Wanted

__all__ = [
    "ARTIFACT_TYPE",
    "MODELPACK_TYPE",
    "artifact",
    "bundle_index",
    "index_entry",
    "lock_weight",
    "manifest",
    "modelpack",
    "modelpack_tag",
    "runtime_manifest",
    "tag",
]

ARTIFACT_TYPE = "application/vnd.cog.weight.v1"
CONFIG_TYPE = "application/vnd.cog.weight.config.v1+json"
NAME, TARGET, SET_DIGEST, UNCOMPRESSED = (
    f"run.cog.weight.{key}" for key in ("name", "target", "set-digest", "size.uncompressed")
)

MODELPACK_TYPE = "application/vnd.cncf.model.manifest.v1+json"
MODELPACK_CONFIG = "application/vnd.cncf.model.config.v1+json"
FILEPATH = "org.cncf.model.filepath"
FORMATS = {".safetensors": "safetensors", ".gguf": "gguf", ".onnx": "onnx", ".pth": "pytorch"}

TAG = "cog-weight."  # Cog keeps the tags that begin with "cog-" for itself
SEGMENT = 104  # characters of a name in a tag
NOWHERE = Platform(os="unknown", architecture="unknown")  # what container engines pass over


def lock_weight(wanted: Wanted, source: Provenance, packed: Sequence[PackedLayer]) -> LockedWeight:
    """What stands in weights.lock of a weight that is packed."""
    layers = {
        made.layer.digest: LockedLayer(
            digest=made.layer.digest,
            media_type=made.layer.descriptor.media_type,
            size=made.layer.size,
            size_uncompressed=made.bundle.size,
        )
        for made in packed
    }
    made = LockedWeight(
        name=wanted.name,
        target=wanted.target,
        sources=(source,),
        digest=Digest.of(b""),
        files=tuple(sorted(file for each in packed for file in each.bundle.files)),
        layers=tuple(layers[digest] for digest in sorted(layers)),
        layer_of={f.path: each.layer.digest for each in packed for f in each.bundle.files},
    )
    return replace(made, digest=manifest(made).digest)


def manifest(weight: LockedWeight) -> Manifest:
    """The manifest of a weight, its bytes as Cog writes them."""
    config = _config(weight)
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "artifactType": ARTIFACT_TYPE,
        "config": {
            "mediaType": CONFIG_TYPE, "size": len(config), "digest": str(Digest.of(config)),
        },
        "layers": [
            {
                "mediaType": layer.media_type,
                "size": layer.size,
                "digest": str(layer.digest),
                "annotations": {UNCOMPRESSED: str(layer.size_uncompressed)},
            }
            for layer in weight.layers
        ],
        "annotations": {
            NAME: weight.name, SET_DIGEST: str(weight.set_digest), TARGET: weight.target,
        },
    }  # fmt: skip
    return Manifest.parse(go_json(document), where=f"the manifest of {weight.name}")


def artifact(weight: LockedWeight, blobs: Mapping[Digest, Blob]) -> Artifact:
    """The weight with its blobs, ready to be pushed. ``blobs`` has its layers."""
    config = Blob.of(_config(weight), CONFIG_TYPE)
    layers = tuple(blobs[layer.digest] for layer in weight.layers)
    return Artifact(manifest=manifest(weight), blobs=(*layers, config))


def tag(weight: LockedWeight) -> str:
    """The tag under which Cog looks for a weight: by its name and what is in it."""
    return f"{TAG}{_segment(weight.name)}.{weight.set_digest.short}"


def modelpack_tag(weight: LockedWeight) -> str:
    """The tag of the ModelPack manifest."""
    return f"modelpack.{_segment(weight.name)}.{weight.set_digest.short}"


def modelpack(weight: LockedWeight, packed: Sequence[PackedLayer]) -> Artifact:
    """The same blobs as a CNCF ModelPack (modelpack/model-spec, v1): a config and a manifest more.

    A layer of one file says its path, as the spec's annotation has it; one of several, whose paths
    are in the archive, gets an archive's name: clients refuse a layer that has none.
    """
    made = sorted(packed, key=lambda each: each.layer.digest)
    config = Blob.of(go_json(_modelpack_config(weight, made)), MODELPACK_CONFIG)
    document = Manifest(
        artifact_type=MODELPACK_TYPE,
        config=config.descriptor,
        layers=tuple(_modelpack_layer(each) for each in made),
    )
    return Artifact(manifest=document, blobs=(*(each.layer for each in made), config))


def index_entry(weight: LockedWeight, found: Descriptor | None = None) -> Descriptor:
    """How the index of a model speaks of a weight.

    ``found`` is what the registry has under the weight's tag, if it was asked: another version of
    Cog may have written other bytes. Raises WeightsError when that is another manifest.
    """
    ours = manifest(weight).descriptor
    entry = found or ours
    if entry.digest != weight.digest:
        message = f'the manifest of weight "{weight.name}" is {entry.digest}'
        hint = "run `cogsmith weights import`"
        raise WeightsError(f"{message}, and weights.lock says {weight.digest}", hint=hint)
    return Descriptor(
        media_type=media_types.OCI_MANIFEST,
        digest=entry.digest,
        size=entry.size,
        artifact_type=ARTIFACT_TYPE,
        platform=NOWHERE,
        annotations={
            NAME: weight.name,
            SET_DIGEST: str(weight.set_digest),
            UNCOMPRESSED: str(weight.size),
        },
    )


def bundle_index(image: Descriptor, entries: Sequence[Descriptor]) -> Index:
    """The index that joins an image (its descriptor with a platform) and its weights."""
    return Index(manifests=(image, *entries))


def runtime_manifest(lock: WeightsLock) -> bytes:
    """``/.cog/weights.json`` in the image: what the model expects, and where (section 3.3)."""
    weights = [
        {"name": w.name, "target": w.target, "setDigest": str(w.set_digest)} for w in lock.weights
    ]
    return go_json({"weights": weights}, indent=2)


def _config(weight: LockedWeight) -> bytes:
    files = [
        {
            "path": file.path,
            "layer": str(weight.layer_of[file.path]),
            "size": file.size,
            "digest": str(file.digest),
        }
        for file in weight.files
    ]
    document = {
        "name": weight.name,
        "target": weight.target,
        "setDigest": str(weight.set_digest),
        "files": files,
    }
    return go_json(document)


def _segment(name: str) -> str:
    """A name as one part of a tag: Cog's rule."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "-" for c in name)
    while "--" in plain:
        plain = plain.replace("--", "-")
    return plain.strip("-")[:SEGMENT].rstrip("-") or "unnamed"


def _modelpack_layer(made: PackedLayer) -> Descriptor:
    files, layer = made.bundle.files, made.layer.descriptor
    kind = "weight" if any(_is_tensors(file.path) for file in files) else "weight.config"
    suffix = "+gzip" if made.bundle.compression == "gzip" else ""
    path = files[0].path if len(files) == 1 else f"bundle-{layer.digest.short}.tar.gz"
    return Descriptor(
        media_type=f"application/vnd.cncf.model.{kind}.v1.tar{suffix}",
        digest=layer.digest,
        size=layer.size,
        annotations={FILEPATH: path},
    )


def _modelpack_config(weight: LockedWeight, made: Sequence[PackedLayer]) -> dict[str, Any]:
    """Nothing of the day or the machine: the same files are the same artifact."""
    descriptor: dict[str, Any] = {"name": weight.name}
    source = weight.sources[0]
    kind, _, state = source.fingerprint.partition(":")
    if kind == "commit":
        descriptor |= {"sourceURL": source.uri, "revision": state}
    formats = {_format(file.path) for file in weight.files} - {""}
    return {
        "descriptor": descriptor,
        "config": {"format": formats.pop()} if len(formats) == 1 else {},
        "modelfs": {"type": "layers", "diffIds": [str(each.layer.diff_id) for each in made]},
    }


def _format(path: str) -> str:
    return FORMATS.get(posixpath.splitext(path)[1].lower(), "")


def _is_tensors(path: str) -> bool:
    ending = posixpath.splitext(path)[1].lower()
    return bool(_format(path)) or ending in (".bin", ".pt", ".msgpack", ".h5", ".npz")
