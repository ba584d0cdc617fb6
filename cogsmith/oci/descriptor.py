"""Descriptors: a blob's name, kind and size, as documents speak of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from cogsmith.oci.digest import Digest
from cogsmith.oci.document import Fields
from cogsmith.oci.platforms import Platform
from cogsmith.values import dataclass

__all__ = ["Descriptor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """What a document says of a blob; ``size`` is in bytes.

    ``data`` is the blob itself where it travels inside the document, else None.
    """

    media_type: str
    digest: Digest
    size: int
    urls: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    platform: Platform | None = None
    artifact_type: str = ""
    data: bytes | None = field(default=None, repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def of(cls, data: bytes, media_type: str) -> Descriptor:
        """The descriptor of these bytes."""
        return cls(media_type=media_type, digest=Digest.of(data), size=len(data))

    @classmethod
    def read(cls, fields: Fields) -> Descriptor:
        """Read an object of a document; complains to it."""
        platform = fields.object("platform")
        made = cls(
            media_type=fields.text("mediaType", required=True),
            digest=fields.digest("digest"),
            size=fields.integer("size", required=True),
            urls=fields.texts("urls"),
            annotations=fields.mapping("annotations"),
            platform=Platform.read(platform) if platform else None,
            artifact_type=fields.text("artifactType"),
            data=_data(fields),
            extra=fields.rest(),
        )
        _check_data(made, fields)
        return made

    def document(self) -> dict[str, Any]:
        """The object that stands in a document."""
        made: dict[str, Any] = {
            **self.extra,
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        optional = {
            "urls": list(self.urls),
            "annotations": dict(self.annotations),
            "artifactType": self.artifact_type,
        }
        made.update({name: value for name, value in optional.items() if value})
        if self.platform:
            made["platform"] = self.platform.document()
        if self.data is not None:
            made["data"] = base64.b64encode(self.data).decode()
        return made


def _data(fields: Fields) -> bytes | None:
    text = fields.text("data")
    if not fields.has("data"):
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        fields.complain("data", "is not base64")
        return None


def _check_data(made: Descriptor, fields: Fields) -> None:
    """Data that is there must be the blob: else the same descriptor would name two things."""
    if made.data is None:
        return
    if len(made.data) != made.size:
        fields.complain("data", f"has {len(made.data)} bytes, and size says {made.size}")
    elif (found := Digest.of(made.data, made.digest.algorithm)) != made.digest:
        fields.complain("data", f"is {found}, and digest says {made.digest}")
