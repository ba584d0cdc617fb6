"""Whether an output is what the signature promises."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cogsmith.signature import InputType, Kind, OutputType, Shape, fits

__all__ = ["files_of", "misfits", "whole"]

FILES = ("file://", "data:", "http://", "https://")


def whole(output: OutputType, value: Any) -> Any:
    """The output as people compare it: the pieces of a text are put together."""
    if output.is_concatenated and isinstance(value, list):
        return "".join(piece for piece in value if isinstance(piece, str))
    return value


def files_of(output: OutputType, value: Any) -> Iterator[str]:
    """The URLs of files in an output, in their order."""
    if output.has_files:
        yield from _urls(value)


def _urls(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith(FILES):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _urls(item)


def misfits(output: OutputType, value: Any, path: str = "$") -> Iterator[str]:
    """Where an output is not of the declared type: the first words name the place.

    >>> list(misfits(OutputType(kind=Kind.INTEGER), "7"))
    ['$ is a str, not the int that predict() declares']
    """
    if value is None and output.nullable:
        return
    if output.shape is Shape.SINGLE:
        if output.kind is not Kind.ANY and not fits(InputType(kind=output.kind), value):
            yield _wrong(path, value, output.kind.value)
    elif output.shape in (Shape.DICT, Shape.OBJECT):
        yield from _mapping(output, value, path)
    elif not isinstance(value, list):
        yield _wrong(path, value, "list")
    elif output.items:
        for index, item in enumerate(value):
            yield from misfits(output.items, item, f"{path}[{index}]")


def _mapping(output: OutputType, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield _wrong(path, value, "dict" if output.shape is Shape.DICT else "object")
        return
    for field in output.fields:
        if field.name in value:
            yield from misfits(field.type, value[field.name], f"{path}.{field.name}")
        elif field.required:
            yield f"{path}.{field.name} is missing, and predict() declares it"
    if output.items:
        for name, item in value.items():
            yield from misfits(output.items, item, f"{path}.{name}")


def _wrong(path: str, value: object, wanted: str) -> str:
    kind = "null" if value is None else f"a {type(value).__name__}"
    return f"{path} is {kind}, not the {wanted} that predict() declares"
