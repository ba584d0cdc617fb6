"""What a wheel says of itself: its licence and what it requires. An edge: it reads wheels."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Mapping
from email.errors import MessageError
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from cogsmith.environment import Wheel
from cogsmith.image.trust.licences import Licence, licence_of
from cogsmith.values import dataclass

__all__ = ["Metadata", "parse", "read_metadata"]

# What zipfile lets through, of a broken file or one that is encrypted.
UNREADABLE = (
    OSError, zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, RuntimeError,
    zlib.error,
)  # fmt: skip
MAX_METADATA = 4 << 20  # bytes; the longest of a real wheel has a tenth of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The part of a wheel's METADATA that an SBOM tells.

    ``requires`` are the lines of Requires-Dist as they stand there, with their markers.
    """

    licence: Licence | None = None
    requires: tuple[str, ...] = ()
    summary: str = ""


def read_metadata(wheels: Iterable[Wheel]) -> Mapping[str, Metadata]:
    """The metadata of these wheels by their sha256.

    A wheel that cannot be read says nothing: it is in the image all the same, and an SBOM
    that names it without its licence is better than none.
    """
    return {wheel.sha256: parse(_read(wheel.path)) for wheel in wheels}


def _read(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                folder, _, name = info.filename.partition("/")
                if name == "METADATA" and folder.endswith(".dist-info"):
                    with archive.open(info) as file:
                        return file.read(MAX_METADATA).decode("utf-8", "replace")
    except UNREADABLE:
        pass
    return ""


def parse(text: str) -> Metadata:
    """Read the head of a METADATA file (core metadata: fields as in an e-mail)."""
    try:
        fields = HeaderParser().parsestr(text)
    except MessageError:
        return Metadata()
    return Metadata(
        licence=licence_of(
            _one(fields, "License-Expression"), _one(fields, "License"), _all(fields, "Classifier")
        ),
        requires=_all(fields, "Requires-Dist"),
        summary=" ".join(_one(fields, "Summary").split())[:200],
    )


def _one(fields: Message, name: str) -> str:
    value = str(fields.get(name, "")).strip()
    return "" if value == "UNKNOWN" else value  # setuptools' word for nothing


def _all(fields: Message, name: str) -> tuple[str, ...]:
    return tuple(str(value).strip() for value in fields.get_all(name, ()))
