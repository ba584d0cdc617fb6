"""From what predict() gives to JSON text, made once.

Beside JSON's own types: paths and open files (as ``file://`` URLs), dataclasses and
``cog.BaseModel``, pydantic models, enums, numpy and torch values, sets, dates. What has no
JSON form is refused with its place in the output.
"""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from enum import Enum
from json.encoder import encode_basestring
from typing import Any

_NATIVE = (str, int, float, bool, type(None))


class OutputError(ValueError):
    """An output that has no JSON form; its text says where in the output."""


class Encoder:
    """Makes JSON text, and collects the files that it names."""

    def __init__(self) -> None:
        self._files: list[str] = []
        self._json = json.JSONEncoder(
            ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=self._plain
        )

    def encode(self, value: Any) -> tuple[bytes, tuple[str, ...]]:
        """The text and the files in it. Raises OutputError."""
        if type(value) is str:  # a token, most of the time
            return _utf8(encode_basestring(value)), ()
        self._files.clear()
        try:
            text = self._json.encode(value)
        except OutputError:
            raise
        except (TypeError, ValueError, RecursionError) as error:
            where = _refused(value, self._plain) or f": {error}"
            raise OutputError(f"output is not JSON{where}") from None
        return _utf8(text), tuple(self._files)

    def _plain(self, value: Any) -> Any:
        """One step from a value that JSON does not know towards one that it knows."""
        if isinstance(value, pathlib.PurePath):
            return self._file(pathlib.Path(value))
        if isinstance(value, Enum):
            return value.value
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        if isinstance(value, (set, frozenset)):
            return list(value)
        if isinstance(value, Mapping):
            return dict(value)
        if isinstance(value, (datetime, date, time)):
            return value.isoformat()
        if type(value).__module__ == "uuid":
            return str(value)
        if isinstance(value, (bytes, bytearray, memoryview, type)):
            raise TypeError(_advice(value))
        return self._duck(value)

    def _duck(self, value: Any) -> Any:
        """Values that are known by what they can do: pydantic, numpy, torch, files."""
        for method in ("model_dump", "dict", "tolist", "item"):
            known = getattr(value, method, None)
            if callable(known):
                return known()
        if callable(getattr(value, "read", None)):
            return self._stream(value)
        raise TypeError(_advice(value))

    def _file(self, path: pathlib.Path) -> str:
        whole = path.absolute()
        if not whole.is_file():
            raise OutputError(f"the output file {whole} does not exist")
        url = whole.as_uri()
        self._files.append(url)
        return url

    def _stream(self, stream: Any) -> str:
        """Copy an open file from its beginning, so that it outlives its owner."""
        if callable(getattr(stream, "seek", None)):
            stream.seek(0)
        data = stream.read()
        suffix = pathlib.PurePath(str(getattr(stream, "name", ""))).suffix
        with tempfile.NamedTemporaryFile(prefix="output-", suffix=suffix, delete=False) as copy:
            copy.write(data.encode() if isinstance(data, str) else data)
        return self._file(pathlib.Path(copy.name))


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: only an escape can say it
        return json.dumps(json.loads(text)).encode()


def _advice(value: Any) -> str:
    name = type(value).__name__
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{name} has no JSON form; write a file and return its cog.Path"
    return f"{name} has no JSON form; return str, numbers, lists, dicts, cog.Path or cog.BaseModel"


def _refused(value: Any, plain: Any) -> str:
    """Where and why a value was refused; walked only after it was."""
    for place, reason in _walk(value, plain, "", frozenset()):
        return f"{f' at {place}' if place else ''}: {reason}"
    return ""


def _walk(value: Any, plain: Any, place: str, above: frozenset[int]) -> Iterator[tuple[str, str]]:
    if id(value) in above or len(above) > 500:
        yield place, "it contains itself, or is nested too deeply"
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield place, f"{value} has no JSON form"
    elif isinstance(value, _NATIVE):
        return
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, _NATIVE):
                yield place, f"a key is {type(key).__name__}; keys are str"
            yield from _walk(item, plain, f"{place}.{key}".lstrip("."), above | {id(value)})
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _walk(item, plain, f"{place}[{index}]", above | {id(value)})
    else:
        try:
            simpler = plain(value)
        except Exception as error:
            yield place, str(error)
        else:
            yield from _walk(simpler, plain, place, above | {id(value)})
