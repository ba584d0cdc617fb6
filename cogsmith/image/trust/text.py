"""How documents about images are written: JSON with one form for one content. Pure."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from cogsmith.oci import Digest

__all__ = ["render", "serial"]

# The name space of our documents' numbers: any fixed one will do, and this is ours.
_NAMES = uuid.uuid5(uuid.NAMESPACE_URL, "urn:cogsmith:sbom")


def render(document: Mapping[str, Any]) -> bytes:
    """The bytes of a document: keys sorted, no spaces, UTF-8 as it is."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "replace")  # half a surrogate in somebody's summary


def serial(digest: Digest) -> str:
    """The number of the SBOM of an image: the same for the same image."""
    return f"urn:uuid:{uuid.uuid5(_NAMES, str(digest))}"
