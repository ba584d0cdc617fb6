"""Indexes: several images under one name, one for each platform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from cogsmith.errors import OciError
from cogsmith.oci.descriptor import Descriptor
from cogsmith.oci.document import Document, load
from cogsmith.oci.manifest import check_head, optional
from cogsmith.oci.media_types import OCI_INDEX, is_index
from cogsmith.oci.platforms import Platform
from cogsmith.values import dataclass

__all__ = ["LAYOUT_VERSION", "REF_NAME", "Index"]

LAYOUT_VERSION = b'{"imageLayoutVersion":"1.0.0"}'  # what marks a folder that has an index
REF_NAME = "org.opencontainers.image.ref.name"  # the annotation that names an entry there


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Index(Document):
    """Manifests, each with the platform that it is for (Docker: a manifest list)."""

    manifests: tuple[Descriptor, ...] = ()
    media_type: str = OCI_INDEX
    artifact_type: str = ""
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, data: bytes, *, media_type: str = "", where: str = "index") -> Index:
        """Read an index of OCI or a manifest list of Docker. Raises InvalidDocument."""
        fields = load(data, where=where)
        subject = fields.object("subject")
        made = cls(
            media_type=check_head(fields, media_type, is_index),
            manifests=tuple(map(Descriptor.read, fields.objects("manifests", required=True))),
            artifact_type=fields.text("artifactType"),
            subject=Descriptor.read(subject) if subject else None,
            annotations=fields.mapping("annotations"),
            extra=fields.rest(),
        )
        for name in ("layers", "config"):
            if fields.has(name):
                message = "stands beside manifests: is this an index or a manifest?"
                fields.complain(name, message)
        fields.finish()
        made._keep(data)
        return made

    def document(self) -> dict[str, Any]:
        """What stands in the document."""
        return {
            **self.extra,
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "manifests": [manifest.document() for manifest in self.manifests],
            **optional(self),
        }

    @property
    def descriptor(self) -> Descriptor:
        """How another index, or a layout, speaks of this one."""
        made = Descriptor.of(self.render(), self.media_type)
        return replace(made, artifact_type=self.artifact_type)

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The platforms of its images, as it names them."""
        return tuple(platform for platform, _ in self._images())

    def select(self, wanted: Platform | None) -> Descriptor:
        """The image for a platform: the newest variant that runs there, the first of equals.

        None wants the only one. Raises OciError, which names the platforms that there are.
        """
        images = list(self._images())
        if wanted is None and len(images) == 1:
            return images[0][1]
        fitting = [(p.rank, entry) for p, entry in images if wanted and p.serves(wanted)]
        if fitting:
            return max(fitting, key=lambda pair: pair[0])[1]
        there = ", ".join(sorted({str(platform) for platform, _ in images})) or "no platform"
        message = f"there is no image for {wanted} here" if wanted else "a platform must be named"
        message += f": there are images for {there}"
        raise OciError(message, hint="name one of them with --platform", code="no_platform")

    def _images(self) -> Iterator[tuple[Platform, Descriptor]]:
        """Entries that say their platform; what BuildKit attests has the platform unknown."""
        for entry in self.manifests:
            if entry.platform and entry.platform.os != "unknown":
                yield entry.platform, entry
