"""The media type of a file, by its name.

Read from Python's own table, never from the machine's: the same output is the same bytes
everywhere. What is missing there, or differs between Pythons, is said here.
"""

from __future__ import annotations

from collections.abc import Mapping
from mimetypes import MimeTypes
from pathlib import PurePath
from types import MappingProxyType

UNKNOWN = "application/octet-stream"

_OURS: Mapping[str, str] = MappingProxyType({
    ".avif": "image/avif", ".flac": "audio/flac", ".glb": "model/gltf-binary",
    ".gltf": "model/gltf+json", ".heic": "image/heic", ".jsonl": "application/jsonl",
    ".m4a": "audio/mp4", ".md": "text/markdown", ".ogg": "audio/ogg", ".opus": "audio/ogg",
    ".parquet": "application/vnd.apache.parquet", ".wav": "audio/wav", ".webm": "video/webm",
    ".webp": "image/webp", ".yaml": "application/yaml", ".yml": "application/yaml",
})  # fmt: skip
_PACKED: Mapping[str, str] = MappingProxyType({
    "gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz",
})  # fmt: skip

_PYTHONS = MimeTypes()


def media_type(name: str) -> str:
    """What a file of this name holds; what is packed is told as such.

    >>> media_type("cat.PNG"), media_type("weights.tar.gz"), media_type("weights")
    ('image/png', 'application/gzip', 'application/octet-stream')
    """
    known = _OURS.get(PurePath(name).suffix.lower())
    if known:
        return known
    # Only the end of the name counts; a whole name could be read as a URL.
    guessed, packing = _PYTHONS.guess_type(f"x{''.join(PurePath(name).suffixes[-2:])}", False)
    return _PACKED.get(packing, UNKNOWN) if packing else guessed or UNKNOWN
