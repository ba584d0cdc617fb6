"""Checked inputs on their way to the predictor: defaults filled in, and what needs a decoder."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

from cogsmith.signature.types import InputField, Kind, Signature

__all__ = ["complete", "decoders"]

DECODED = {Kind.PATH: "path", Kind.FILE: "file", Kind.SECRET: "secret"}


def complete(signature: Signature, values: Mapping[str, object]) -> dict[str, object]:
    """Every input of the signature, in its order: as given, else its default, else None.

    Numbers get the type that was asked for: 1 for a ``float`` is 1.0, 2.0 for an ``int`` is 2.
    Inputs that are required and were not given stay out; ``check`` has told of them.
    """
    found = {}
    for field in signature.inputs:
        if field.name in values:
            found[field.name] = _typed(field, values[field.name])
        elif not field.required:
            found[field.name] = _typed(field, deepcopy(field.default))
    return found


def _typed(field: InputField, value: object) -> object:
    if field.type.variants:
        return value
    if isinstance(value, list) and field.type.many:
        return [_number(field.type.kind, item) for item in value]
    return _number(field.type.kind, value)


def _number(kind: Kind, value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if kind is Kind.FLOAT:
        try:
            return float(value)
        except OverflowError:
            return value
    whole = isinstance(value, float) and value.is_integer()
    return int(value) if kind is Kind.INTEGER and whole else value


def decoders(signature: Signature) -> dict[str, object]:
    """Which inputs the worker must turn into ``cog`` objects before it calls the predictor.

    ``{name: {"kind": "path" | "file" | "secret", "many": bool}}``; inputs that are passed on
    as they are do not appear. It is JSON.
    """
    return {
        field.name: {"kind": DECODED[field.type.kind], "many": field.type.many}
        for field in signature.inputs
        if field.type.kind in DECODED and not field.type.variants
    }
