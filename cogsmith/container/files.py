"""Files on their way through JSON: as data URIs (RFC 2397), in inputs and in outputs."""

from __future__ import annotations

import base64
import binascii
import mimetypes
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from cogsmith.signature import InputField, Kind, OutputType, Shape, Signature

__all__ = ["packed", "unpacked"]

FILE = "file://"
DATA = "data:"
UNKNOWN = "application/octet-stream"

Read = Callable[[str], bytes]
Keep = Callable[[bytes, str], str]


def packed(signature: Signature, values: dict[str, Any], read: Read) -> dict[str, Any]:
    """Inputs whose local files travel with them; ``read`` gives the bytes of a ``file://`` URL.

    What was not given stays out: the server knows its defaults, and Cog's refuses null.
    """
    known = {field.name: field for field in signature.inputs}
    return {
        name: _packed(known.get(name), value, read)
        for name, value in values.items()
        if value is not None
    }


def _packed(field: InputField | None, value: Any, read: Read) -> Any:
    if field is not None and not field.type.is_file and field.type.kind is not Kind.ANY:
        return value
    if isinstance(value, list):
        return [_packed(field, item, read) for item in value]
    if isinstance(value, str) and value.startswith(FILE):
        kind = mimetypes.guess_type(value)[0] or UNKNOWN
        return f"{DATA}{kind};base64,{base64.b64encode(read(value)).decode()}"
    return value


def unpacked(output: OutputType, value: Any, keep: Keep) -> tuple[Any, tuple[str, ...]]:
    """An output (or one piece of an iterator's) with each data URI of a file kept somewhere.

    ``keep`` gets the bytes and a suffix like ``.png``, and answers the URL that takes the URI's
    place; these URLs are the second answer.
    """
    found: list[str] = []

    def kept(data: bytes, suffix: str) -> str:
        found.append(keep(data, suffix))
        return found[-1]

    return _unpacked(output, value, kept), tuple(found)


def _unpacked(output: OutputType | None, value: Any, keep: Keep) -> Any:
    if output is None or not output.has_files:
        return value
    if isinstance(value, list):
        return [_unpacked(output.items, item, keep) for item in value]
    if isinstance(value, dict):
        if output.shape is Shape.DICT:
            return {name: _unpacked(output.items, item, keep) for name, item in value.items()}
        types = {field.name: field.type for field in output.fields}
        return {name: _unpacked(types.get(name), item, keep) for name, item in value.items()}
    if isinstance(value, str) and value.startswith(DATA):
        return _kept(value, keep)
    return value


def _kept(uri: str, keep: Keep) -> str:
    head, _, body = uri.removeprefix(DATA).partition(",")
    kind, *parameters = head.split(";")
    try:
        data = base64.b64decode(body) if "base64" in parameters else unquote_to_bytes(body)
    except binascii.Error:
        return uri  # it is not what it says: let the person see it
    return keep(data, mimetypes.guess_extension(kind or "text/plain") or "")
