"""From a request's JSON to the arguments of predict().

``decoders`` (see ``cogsmith.signature.decoders``) say which inputs become ``cog.Path``,
``cog.File`` or ``cog.Secret``. Files that had to be fetched are removed afterwards.
"""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

Decoders = Mapping[str, Mapping[str, Any]]
_FETCHED = ("http://", "https://", "data:")


class InputError(ValueError):
    """An input that cannot be had; its text names the input and never shows a secret."""


class Inputs:
    """The arguments of one call, and what must be tidied up after it."""

    def __init__(self) -> None:
        self._temporary: list[Any] = []
        self._open: list[Any] = []

    def decode(self, payload: bytes, decoders: Decoders) -> dict[str, Any]:
        """The arguments; raises InputError."""
        values: dict[str, Any] = json.loads(str(payload, "utf-8"))
        for name in decoders and decoders.keys() & values.keys():
            decoder = decoders[name]
            values[name] = self._decoded(name, values[name], decoder["kind"], decoder["many"])
        return values

    def tidy(self, outputs: Collection[str]) -> None:
        """Close and remove what was fetched, but for files that went out as ``outputs``."""
        if not self._open and not self._temporary:
            return
        with suppress(OSError):
            for stream in self._open:
                stream.close()
            for path in self._temporary:
                if pathlib.PurePath(path).as_uri() not in outputs:
                    path.unlink(missing_ok=True)

    def _decoded(self, name: str, value: Any, kind: str, many: bool) -> Any:
        if value is None:
            return None
        if many and isinstance(value, list):
            return [self._decoded(f"{name}[{i}]", v, kind, False) for i, v in enumerate(value)]
        make: Callable[[str, Any], Any] = getattr(self, f"_{kind}")
        return make(name, value)

    def _secret(self, _name: str, value: Any) -> Any:
        from cog import Secret

        return Secret(value)

    def _path(self, name: str, value: Any) -> Any:
        from cog import Path

        text = _text(name, value)
        if not text.startswith(_FETCHED):
            return Path(_local(name, text))
        try:
            fetched: Any = Path.validate(text)
            path = fetched.convert() if hasattr(fetched, "convert") else fetched
        except Exception as error:
            raise _unfetched(name, text, error) from None
        self._temporary.append(path)
        return path

    def _file(self, name: str, value: Any) -> Any:
        from cog import File

        text = _text(name, value)
        try:
            fetched = text.startswith(_FETCHED)
            stream = File.validate(text) if fetched else _local(name, text).open("rb")
        except InputError:
            raise
        except Exception as error:
            raise _unfetched(name, text, error) from None
        if not hasattr(stream, "__url__"):
            self._open.append(stream)
        return stream


def _text(name: str, value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise InputError(f"input {name}: a path or URL is needed, not {value!r}")


def _local(name: str, text: str) -> pathlib.Path:
    """A plain path, or the path of a ``file://`` URL."""
    url = urlsplit(text)
    if url.scheme and url.scheme != "file" and "://" in text:
        raise InputError(
            f"input {name}: {url.scheme}:// cannot be read; use http, https, data or file"
        )
    path = pathlib.Path(unquote(url.path) if url.scheme == "file" else text)
    if not path.exists():
        raise InputError(f"input {name}: there is no file {os.fspath(path)}")
    return path


def _unfetched(name: str, text: str, error: Exception) -> InputError:
    """Say what could not be fetched: without a query, which may hold a signature."""
    shown = "the data URI" if text.startswith("data:") else text.split("?")[0]
    return InputError(f"input {name}: {shown} cannot be read: {type(error).__name__}")
