"""Manifests: which config and which layers an image is, or which blobs an artifact is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import Any

from cogsmith.oci.descriptor import Descriptor
from cogsmith.oci.document import NOTHING, Document, Fields, load
from cogsmith.oci.media_types import OCI_INDEX, OCI_MANIFEST, is_config, is_manifest, to_oci
from cogsmith.values import dataclass

__all__ = ["Manifest", "check_head", "optional"]

_ABSENT = Descriptor(media_type="", digest=NOTHING, size=0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Manifest(Document):
    """One image: its config and its layers, the lowest first. Or an artifact of that shape."""

    config: Descriptor
    layers: tuple[Descriptor, ...] = ()
    media_type: str = OCI_MANIFEST
    artifact_type: str = ""
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, data: bytes, *, media_type: str = "", where: str = "manifest") -> Manifest:
        """Read a manifest of OCI or of Docker's schema 2. Raises InvalidDocument.

        ``media_type`` is what the registry or a descriptor calls it, if anything: it must
        agree with what the manifest says of itself.
        """
        fields = load(data, where=where)
        config, subject = fields.object("config", required=True), fields.object("subject")
        made = cls(
            media_type=check_head(fields, media_type, is_manifest),
            config=Descriptor.read(config) if config else _ABSENT,
            layers=tuple(map(Descriptor.read, fields.objects("layers", required=True))),
            artifact_type=fields.text("artifactType"),
            subject=Descriptor.read(subject) if subject else None,
            annotations=fields.mapping("annotations"),
            extra=fields.rest(),
        )
        if fields.has("manifests"):
            fields.complain("manifests", "stands beside layers: is this an index or a manifest?")
        fields.finish()
        made._keep(data)
        return made

    def document(self) -> dict[str, Any]:
        """What stands in the document."""
        return {
            **self.extra,
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "config": self.config.document(),
            "layers": [layer.document() for layer in self.layers],
            **optional(self),
        }

    @property
    def descriptor(self) -> Descriptor:
        """How an index, or a layout, speaks of this manifest."""
        made = Descriptor.of(self.render(), self.media_type)
        return replace(made, artifact_type=self.artifact_type)

    @property
    def is_image(self) -> bool:
        """Whether this is an image that can be run, not some other artifact."""
        return is_config(self.config.media_type)

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """All blobs that it names, in the order in which they are best sent."""
        return (*self.layers, self.config)

    def to_oci(self) -> Manifest:
        """The same under OCI's names; the blobs stay what they are."""
        return replace(
            self,
            media_type=to_oci(self.media_type),
            config=_renamed(self.config),
            layers=tuple(map(_renamed, self.layers)),
        )


def _renamed(descriptor: Descriptor) -> Descriptor:
    return replace(descriptor, media_type=to_oci(descriptor.media_type))


def optional(document: Any) -> dict[str, Any]:
    """The fields that manifests and indexes have only when they are needed."""
    made: dict[str, Any] = {}
    if document.artifact_type:
        made["artifactType"] = document.artifact_type
    if document.subject:
        made["subject"] = document.subject.document()
    if document.annotations:
        made["annotations"] = dict(document.annotations)
    return made


def check_head(fields: Fields, named: str, fits: Callable[[str], bool]) -> str:
    """The media type of a manifest or index: what it says of itself and what it is called."""
    version = fields.integer("schemaVersion", required=True)
    if fields.has("schemaVersion") and version != 2:
        hint = "push the image again with a Docker newer than 1.10" if version == 1 else ""
        fields.complain("schemaVersion", f"must be 2, not {version}", hint)
    stated = fields.text("mediaType")
    if stated and named and stated != named:
        fields.complain("mediaType", f"is {stated[:120]!r}, and it was named {named[:120]!r}")
    media_type = stated or named
    if media_type and not fits(media_type):
        fields.complain("mediaType", f"{media_type[:120]!r} is not one that this document can be")
    return media_type or (OCI_INDEX if fits(OCI_INDEX) else OCI_MANIFEST)
