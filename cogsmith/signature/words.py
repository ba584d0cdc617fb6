"""``-i name=value``: the words of a command line → values of the signature's types."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable

from cogsmith.signature.checks import fits
from cogsmith.signature.types import FileInput, InputField, InputType, Kind, Signature

__all__ = ["coerce"]

INTEGER = re.compile(r"[+-]?[0-9]{1,4000}")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
BOOLEANS = {"true": True, "false": False}
FILES = frozenset({Kind.PATH, Kind.FILE})


def coerce(signature: Signature, words: Iterable[tuple[str, str]]) -> dict[str, object]:
    """Pairs of name and text → JSON values by type; a name given twice makes a list.

    Never refuses: a text that fits no type stays a text, and an unknown name stays, for
    ``check`` to tell about. ``@path`` becomes a FileInput. For a union, a number is tried
    first, then a text: ``1`` for ``str | float`` is 1, as in Cog.
    """
    texts: dict[str, list[str]] = {}
    for name, text in words:
        texts.setdefault(name, []).append(text)
    return {name: _value(signature.input(name), given) for name, given in texts.items()}


def _value(field: InputField | None, texts: list[str]) -> object:
    kind = field.type if field else InputType(kind=Kind.STRING)
    if len(texts) > 1:
        return [_item(_inside(kind), text) for text in texts]
    return _list(kind, texts[0]) if kind.many else _item(kind, texts[0])


def _inside(kind: InputType) -> InputType:
    """The type of a list's items; of a union, the items of its lists."""
    items = tuple(InputType(kind=one.kind) for one in kind.variants if one.many)
    return InputType(variants=items) if items else InputType(kind=kind.kind)


def _list(kind: InputType, text: str) -> object:
    """A list given once: a JSON array, or its only item."""
    value = _json(text)
    return value if isinstance(value, list) else [_item(_inside(kind), text)]


def _item(kind: InputType, text: str) -> object:
    if text.startswith("@") and len(text) > 1:
        return FileInput(text[1:], text=not kind.variants and kind.kind not in FILES | {Kind.ANY})
    if kind.variants:
        return _united(kind, text)
    return _scalar(kind.kind, text)


def _united(kind: InputType, text: str) -> object:
    """The first reading that one of the variants takes: bool, int, float, JSON, text, list."""
    scalars = (_scalar(one, text) for one in (Kind.BOOLEAN, Kind.INTEGER, Kind.FLOAT))
    for value in (*scalars, _json(text)):
        if value is not None and not isinstance(value, str) and fits(kind, value):
            return value
    if fits(kind, text) or not any(one.many for one in kind.variants):
        return text
    return _list(kind, text)


def _scalar(kind: Kind, text: str) -> object:
    """A text as this kind; the text itself where it is none."""
    if kind is Kind.BOOLEAN:
        return BOOLEANS.get(text.lower(), text)
    if kind in (Kind.INTEGER, Kind.FLOAT):
        return _number(kind, text)
    if kind is Kind.ANY:
        value = _json(text)
        return text if value is None else value
    return text


def _number(kind: Kind, text: str) -> object:
    if INTEGER.fullmatch(text):
        return int(text)
    if kind is Kind.FLOAT and NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


def _json(text: str) -> object:
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
