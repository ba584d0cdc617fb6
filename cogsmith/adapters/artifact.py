"""An adapter as an OCI artifact: a manifest, a config that is its card, and its two files. Pure.

The files are blobs as they are, with their names as titles, so that other clients (oras) pull
them into a folder that peft reads. Nothing of the base is named as a blob: it stays where it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cogsmith.engine import Adapter, AdapterFiles
from cogsmith.errors import AdapterError, Problem
from cogsmith.oci import Artifact, Blob, Descriptor, Manifest

__all__ = ["ARTIFACT_TYPE", "Base", "Card", "Limits", "artifact", "blobs", "card"]

ARTIFACT_TYPE = "application/vnd.cogsmith.adapter.v1"
CONFIG_TYPE = "application/vnd.cogsmith.adapter.config.v1+json"
FILES = {
    "adapter_config.json": "application/vnd.cogsmith.adapter.file.v1+json",
    "adapter_model.safetensors": "application/vnd.cogsmith.adapter.file.v1+safetensors",
}
# The image spec's own annotations ("Pre-Defined Annotation Keys").
TITLE = "org.opencontainers.image.title"
BASE_NAME, BASE_DIGEST = (
    "org.opencontainers.image.base.name",
    "org.opencontainers.image.base.digest",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that may be pushed: the rank, and the bytes of the tensors."""

    rank: int = 64
    size: int = 512 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The image of the model that an adapter is for.

    ``here`` says that it lies in the adapter's own repository: then it can be the subject, and a
    registry that has referrers lists the adapter beside it.
    """

    name: str
    image: Descriptor
    here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What an artifact says of its adapter. ``checkpoint`` is the base in its maker's words."""

    kind: str
    checkpoint: str
    rank: int
    alpha: float
    targets: tuple[str, ...]
    parameters: int
    size: int
    base: str = ""
    base_digest: str = ""

    @classmethod
    def of(cls, adapter: Adapter) -> Card:
        """The card of an adapter that is here."""
        return cls(
            kind="lora",
            checkpoint=adapter.base,
            rank=adapter.rank,
            alpha=adapter.alpha,
            targets=adapter.targets,
            parameters=adapter.parameters,
            size=adapter.size,
        )

    def document(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def artifact(
    files: AdapterFiles,
    base: Base | None = None,
    *,
    limits: Limits | None = None,
    shapes: Mapping[str, tuple[int, int]] | None = None,
) -> Artifact:
    """The adapter, looked over and ready to be pushed.

    ``shapes`` are the base's layers (outputs, inputs), where they are known. Raises AdapterError
    for one that is none, does not fit the base, or exceeds the limits; all of it at once.
    """
    adapter = Adapter.parse(files)
    _check(adapter, limits or Limits(), shapes)
    config = Blob.of(_config(Card.of(adapter)), CONFIG_TYPE)
    contents = (files.config, files.weights)
    made = [Blob.of(data, kind) for data, kind in zip(contents, FILES.values(), strict=True)]
    layers = tuple(
        Descriptor(media_type=kind, digest=blob.digest, size=blob.size, annotations={TITLE: name})
        for (name, kind), blob in zip(FILES.items(), made, strict=True)
    )
    told = {BASE_NAME: base.name, BASE_DIGEST: str(base.image.digest)} if base else {}
    manifest = Manifest(
        artifact_type=ARTIFACT_TYPE,
        config=config.descriptor,
        layers=layers,
        subject=base.image if base and base.here else None,
        annotations=told,
    )
    return Artifact(manifest=manifest, blobs=(*made, config))


def card(manifest: Manifest, config: bytes) -> Card:
    """What an artifact says of itself. Raises AdapterError for what is no adapter of ours."""
    _ours(manifest)
    try:
        said = json.loads(config)
        return Card(
            kind=str(said["kind"]),
            checkpoint=str(said["checkpoint"]),
            rank=int(said["rank"]),
            alpha=float(said["alpha"]),
            targets=tuple(map(str, said["targets"])),
            parameters=int(said["parameters"]),
            size=int(said["size"]),
            base=manifest.annotations.get(BASE_NAME, ""),
            base_digest=manifest.annotations.get(BASE_DIGEST, ""),
        )
    except (ValueError, LookupError, TypeError):
        raise AdapterError("its config is not that of an adapter") from None


def blobs(manifest: Manifest) -> dict[str, Descriptor]:
    """The two files of an artifact, by their names. Raises AdapterError where one is missing."""
    _ours(manifest)
    found = {layer.annotations.get(TITLE, ""): layer for layer in manifest.layers}
    if missing := [name for name in FILES if name not in found]:
        raise AdapterError(f"the artifact has no {' and no '.join(missing)}")
    return {name: found[name] for name in FILES}


def _ours(manifest: Manifest) -> None:
    if manifest.artifact_type != ARTIFACT_TYPE:
        kind = manifest.artifact_type or manifest.config.media_type
        raise AdapterError(f"is no adapter, but {kind}", hint="name one that was pushed with push")


def _check(adapter: Adapter, limits: Limits, shapes: Mapping[str, tuple[int, int]] | None) -> None:
    problems = []
    if adapter.rank > limits.rank:
        hint = "raise --max-rank if the engines that serve it take it"
        problems.append(Problem(f"{adapter.rank} is more than {limits.rank}", "rank", hint))
    if adapter.size > limits.size:
        hint = "raise --max-size, or train one of a lower rank"
        problems.append(Problem(f"{adapter.size} bytes, of {limits.size} allowed", "size", hint))
    if problems:
        raise AdapterError(problems)
    if shapes is not None:
        adapter.check(shapes, most_rank=limits.rank)


def _config(told: Card) -> bytes:
    """Nothing of the day or the machine: the same adapter is the same artifact."""
    said = {name: value for name, value in told.document().items() if not name.startswith("base")}
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
