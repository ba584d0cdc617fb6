"""The gate of a model: a client's input, as JSON → whole, checked input for the worker.

Pure. What fits is decoded once into a struct made from the signature, and encoded again with the
defaults filled in; whatever that refuses is looked at again slowly, which accepts it after all
(``1.0`` for an ``int``) or tells every fault in coglet's words.

Three things differ from coglet on purpose. Null is taken where the OpenAPI document says
``nullable``. Bounds, lengths and patterns of a list hold for its items, as on the command line.
And a file is a URL: the worker also opens paths, which are no client's business.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from cogsmith.runtime.server.requests import Fault, Refusal, invalid, malformed
from cogsmith.signature import InputField, InputType, Kind, Signature, complete, fits

__all__ = ["SCHEMES", "STARS", "Faults", "Gate"]

SCHEMES = ("https://", "http://", "data:")  # what the worker fetches; all else is a path to it
STARS = "**********"
_DEPTH = 127  # levels of nesting; coglet's parser stops there, too
_SHOWN = 1000  # characters of a value that a fault repeats
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NATIVE: Mapping[Kind, Any] = {
    Kind.BOOLEAN: bool,
    Kind.FLOAT: float,
    Kind.INTEGER: int,
    Kind.ANY: dict[str, Any],
}
_NAMES = {
    Kind.BOOLEAN: "boolean",
    Kind.FLOAT: "number",
    Kind.INTEGER: "integer",
    Kind.ANY: "object",
}
# What a struct cannot say of a field: its place in the struct, and whether a value will do.
_Check = tuple[str, Callable[[Any], bool]]
# Where in the field (``/0`` for an item), and what is wrong.
_Told = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Faults:
    """All that is wrong with an input."""

    items: tuple[Fault, ...]

    def refusal(self) -> Refusal:
        """The whole answer: 422."""
        return invalid(self.items)

    def body(self) -> bytes:
        """The answer's JSON: ``{"detail":[...]}``."""
        return self.refusal().body


class Gate:
    """Admits inputs to one model."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self._fields = {field.name: field for field in signature.inputs}
        self._secrets = [f.name for f in signature.inputs if f.type.kind is Kind.SECRET]
        self._open = any(f.type.kind is Kind.ANY for f in signature.inputs if not f.type.variants)
        struct = _struct(signature)
        self._decode = msgspec.json.Decoder(struct).decode if struct else None
        self._encode = msgspec.json.Encoder().encode
        self._checks = tuple(_checks(signature.inputs))
        admitted = self._slowly(b"{}")
        self._empty = admitted if isinstance(admitted, bytes) else None

    @classmethod
    def of(cls, signature: Signature) -> Gate:
        """The gate of a model that predicts, or of one that trains."""
        return cls(signature)

    def admit(self, raw: bytes) -> bytes | Faults | Refusal:
        """The whole input for the worker, all its faults, or the answer to what is no JSON."""
        if raw == b"{}" and self._empty is not None:
            return self._empty
        if self._decode is None or (self._open and _crowded(raw)):
            return self._slowly(raw)
        try:
            values = self._decode(raw)
        except _BROKEN:
            return self._slowly(raw)
        for place, passes in self._checks:
            if not passes(getattr(values, place)):
                return self._slowly(raw)
        return self._encode(values)

    def shown(self, completed: bytes) -> dict[str, Any]:
        """Inputs as they may be shown: secrets as stars."""
        values: dict[str, Any] = msgspec.json.decode(completed)
        return values | {name: STARS for name in self._secrets if values.get(name)}

    def shown_json(self, completed: bytes) -> bytes:
        """The same as JSON; costs nothing where the model takes no secrets."""
        return self._encode(self.shown(completed)) if self._secrets else completed

    def _slowly(self, raw: bytes) -> bytes | Faults | Refusal:
        try:
            given = msgspec.json.decode(raw)
        except _BROKEN as error:
            return malformed(raw, error)
        if _deep(given):
            return malformed(raw, RecursionError())
        if not isinstance(given, dict):
            return Faults((_fault("__root__", f'{_written(given)} is not of type "object"'),))
        values = {name: given[name] for name in given if name in self._fields}
        wrong = tuple(self._wrong(values))
        return Faults(wrong) if wrong else self._encode(complete(self.signature, values))

    def _wrong(self, values: Mapping[str, object]) -> Iterator[Fault]:
        """In coglet's order: by name, then what is missing."""
        for name in sorted(values):
            for path, words in _faults(self._fields[name], values[name]):
                yield _fault(name + path, words)
        for field in self.signature.inputs:
            if field.required and field.name not in values:
                yield _fault(field.name, "Field required", "value_error.missing")


def _fault(name: str, words: str, kind: str = "value_error") -> Fault:
    return Fault(("body", "input", name), words, kind)


# --- the fast way: what msgspec can say


def _struct(signature: Signature) -> Any:
    """A struct that takes what the signature takes; None where it cannot be said.

    Its fields have names of our own, so that no name of the author's can be in the way, and
    defaults are JSON that is written as it is.
    """
    defaults = complete(signature, {})
    fields: list[Any] = []
    for place, field in enumerate(signature.inputs):
        native = _native(field)
        if native is None:
            return None
        fields.append((f"f{place}", native))
        if field.name in defaults:
            written = msgspec.Raw(msgspec.json.encode(defaults[field.name]))
            fields[-1] = (*fields[-1], written)
    names = {f"f{place}": field.name for place, field in enumerate(signature.inputs)}
    return msgspec.defstruct("Inputs", fields, kw_only=True, rename=names)


def _native(field: InputField) -> Any:
    """The type of a field for msgspec; None where it has none that says all of it."""
    if field.type.variants:
        return Any  # _checks has the rest: a struct would turn 1 for `str | float` into 1.0
    try:
        one: Any = _single(field)
        whole = list[one] if field.type.many else one
        native = whole | None if field.nullable else whole
        msgspec.json.Decoder(native)
    except (TypeError, ValueError, OverflowError):
        return None
    return native


def _single(field: InputField) -> Any:
    """One value of the field. Raises ValueError and others for what msgspec cannot say."""
    kind = field.type.kind
    bounds = _bounds(field)
    if field.choices:
        if bounds:
            raise ValueError("choices and bounds at once")
        return Literal[tuple(field.choices)]
    native = _NATIVE.get(kind, str)
    return Annotated[native, msgspec.Meta(**bounds)] if bounds else native


def _bounds(field: InputField) -> dict[str, Any]:
    low, high = field.minimum, field.maximum
    if field.type.kind is Kind.INTEGER:
        low = None if low is None else math.ceil(low)
        high = None if high is None else math.floor(high)
    elif any(bound is not None and abs(bound) > 2**53 for bound in (low, high)):
        raise ValueError("a float may not be what it was when it is compared")
    named = {
        "ge": low,
        "le": high,
        "min_length": field.min_length,
        "max_length": field.max_length,
        "pattern": field.regex,
    }
    return {name: bound for name, bound in named.items() if bound is not None}


def _checks(fields: tuple[InputField, ...]) -> Iterator[_Check]:
    for place, field in enumerate(fields):
        if field.type.variants:
            yield f"f{place}", _united(field)
        elif field.type.is_file:
            yield f"f{place}", _every_url if field.type.many else _is_url


def _united(field: InputField) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, msgspec.Raw) or not any(_faults(field, value))


def _is_url(value: Any) -> bool:
    return not isinstance(value, str) or value.startswith(SCHEMES)


def _every_url(value: Any) -> bool:
    return not isinstance(value, list) or all(item.startswith(SCHEMES) for item in value)


def _crowded(raw: bytes) -> bool:
    """Whether it may be nested too deeply: a cheap look, which asks for a closer one."""
    return raw.count(b"{") + raw.count(b"[") > _DEPTH


def _deep(value: object) -> bool:
    level = [value]
    for _ in range(_DEPTH):
        level = [
            item
            for one in level
            if isinstance(one, list | dict)
            for item in (one.values() if isinstance(one, dict) else one)
            if isinstance(item, list | dict)
        ]
        if not level:
            return False
    return True


# --- the slow way: every fault, keyword by keyword as a JSON schema's validator goes


def _faults(field: InputField, value: object) -> Iterator[_Told]:
    if value is None and field.nullable:
        return
    if field.type.variants:
        if not fits(field.type, value):
            rule = "is not valid under any of the schemas listed in the 'anyOf' keyword"
            yield "", f"{_written(value)} {rule}"
    elif not field.type.many:
        yield from (("", words) for words in _one(field, value))
    elif not isinstance(value, list):
        yield "", f'{_said(field, value)} is not of type "array"'
    else:
        for index, item in enumerate(value):
            yield from ((f"/{index}", words) for words in _one(field, item))


def _one(field: InputField, value: object) -> Iterator[str]:
    """One value, or one item of a list."""
    said = _said(field, value)
    right = fits(InputType(kind=field.type.kind), value)
    if field.choices and not (right and value in field.choices):
        yield f"{said} is not one of {_written(list(field.choices))}"
    if isinstance(value, str):
        yield from (f"{said} {words}" for words in _text_faults(field, value))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from (f"{said} {words}" for words in _number_faults(field, value))
    if not right:
        yield f'{said} is not of type "{_NAMES.get(field.type.kind, "string")}"'
    elif field.type.is_file and not _is_url(value):
        yield f"{said} is not a URL that begins with https://, http:// or data:"


def _number_faults(field: InputField, value: float) -> Iterator[str]:
    if field.maximum is not None and value > field.maximum:
        yield f"is greater than the maximum of {_number(field.maximum)}"
    if field.minimum is not None and value < field.minimum:
        yield f"is less than the minimum of {_number(field.minimum)}"


def _text_faults(field: InputField, value: str) -> Iterator[str]:
    low, high = field.min_length, field.max_length
    if high is not None and len(value) > high:
        yield f"is longer than {high} character{'' if high == 1 else 's'}"
    if low is not None and len(value) < low:
        yield f"is shorter than {low} character{'' if low == 1 else 's'}"
    if field.regex is not None and re.search(field.regex, value) is None:
        yield f"does not match {_written(field.regex)}"


def _said(field: InputField, value: object) -> str:
    """A value as a fault may repeat it."""
    return _written(STARS if field.type.kind is Kind.SECRET and value else value)


def _written(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _number(value: float) -> str:
    """A bound as the OpenAPI document has it: 1, not 1.0."""
    return _written(int(value) if abs(value) < 1e15 and value == int(value) else value)
