"""Do these values fit the signature? All that does not, in the words that Cog uses."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping

from cogsmith.errors import Problem
from cogsmith.signature.types import FileInput, InputField, InputType, Kind, Signature

__all__ = ["check", "faults", "fits", "json_name", "number"]

JSON_NAMES = {
    Kind.BOOLEAN: "boolean",
    Kind.FLOAT: "number",
    Kind.INTEGER: "integer",
    Kind.STRING: "string",
    Kind.PATH: "string",
    Kind.FILE: "string",
    Kind.SECRET: "string",
    Kind.ANY: "object",
}
# Where in the value, what is wrong, and what to do about it.
Fault = tuple[str, str, str]


def check(signature: Signature, values: Mapping[str, object]) -> tuple[Problem, ...]:
    """Everything that is wrong with these inputs; empty when they fit."""
    problems = [_unknown(signature, name) for name in values if signature.input(name) is None]
    for field in signature.inputs:
        if field.name in values:
            problems += [
                Problem(f'invalid input "{field.name}{path}": {fault}', hint=hint)
                for path, fault, hint in faults(field, values[field.name])
            ]
        elif field.required:
            hint = field.description or f"it is {_article(field.type)}"
            problems.append(Problem(f'missing required input "{field.name}"', hint=hint))
    return tuple(problems)


def faults(field: InputField, value: object) -> Iterator[Fault]:
    """What is wrong with one value of an input; list items are told by ``.index``."""
    if value is None:
        hint = "give it a value" if field.required else "leave it out to use its default"
        yield "", "must not be null", hint
    elif not _whole_fits(field.type, value):
        yield "", f"expected {_expected(field.type)}, got {json_name(value)}", ""
    elif field.type.many and isinstance(value, list):
        for index, item in enumerate(value):
            for _, fault, hint in _single(field, item):
                yield f".{index}", fault, hint
    else:
        yield from _single(field, value)


def _whole_fits(kind: InputType, value: object) -> bool:
    return isinstance(value, list) if kind.many else fits(kind, value)


def _single(field: InputField, value: object) -> Iterator[Fault]:
    """One value, or one item of a list."""
    one = InputType(kind=field.type.kind, variants=field.type.variants)
    if not fits(one, value):
        yield "", f"expected {_expected(one)}, got {json_name(value)}", ""
        return
    if field.choices and value not in field.choices:
        allowed = ", ".join(str(choice) for choice in field.choices)
        yield "", f"must be one of: {allowed}", _near(str(value), map(str, field.choices))
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield from _out_of_bounds(field, value)
    if isinstance(value, str):
        yield from _wrong_text(field, value)


def _out_of_bounds(field: InputField, value: float) -> Iterator[Fault]:
    if field.minimum is not None and value < field.minimum:
        yield "", f"must be at minimum {number(field.minimum)}, got {number(value)}", ""
    if field.maximum is not None and value > field.maximum:
        yield "", f"must be at maximum {number(field.maximum)}, got {number(value)}", ""


def _wrong_text(field: InputField, value: str) -> Iterator[Fault]:
    length = len(value)
    if field.min_length is not None and length < field.min_length:
        yield "", f"must have at least {field.min_length} characters, got {length}", ""
    if field.max_length is not None and length > field.max_length:
        yield "", f"must have at most {field.max_length} characters, got {length}", ""
    if field.regex is not None and re.match(field.regex, value) is None:
        yield "", f"must match the regular expression {field.regex}", ""


def fits(wanted: InputType, value: object) -> bool:
    """Whether a JSON value is of this type."""
    if wanted.variants:
        return any(fits(variant, value) for variant in wanted.variants)
    if wanted.many:
        return isinstance(value, list) and all(_is(wanted.kind, item) for item in value)
    return _is(wanted.kind, value)


def _is(kind: Kind, value: object) -> bool:
    if kind is Kind.BOOLEAN:
        return isinstance(value, bool)
    if kind in (Kind.INTEGER, Kind.FLOAT):
        if isinstance(value, float):
            return math.isfinite(value) and (kind is Kind.FLOAT or value.is_integer())
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is Kind.ANY:
        return isinstance(value, dict)
    if isinstance(value, FileInput):
        return value.text == (kind in (Kind.STRING, Kind.SECRET))
    return isinstance(value, str)


def json_name(value: object) -> str:
    """What JSON calls the kind of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    names = {int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "file" if isinstance(value, FileInput) else type(value).__name__)


def _expected(wanted: InputType) -> str:
    if wanted.variants:
        return " or ".join(dict.fromkeys(_expected(variant) for variant in wanted.variants))
    return "array" if wanted.many else JSON_NAMES[wanted.kind]


def _article(wanted: InputType) -> str:
    word = _expected(wanted)
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def number(value: int | float) -> str:  # noqa: PYI041 - an int is looked at as one
    """A number as people write it: 1, not 1.0."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    return str(value) if abs(value) < 10**20 else f"a number of {value.bit_length()} bits"


def _near(word: str, names: Iterator[str]) -> str:
    close = difflib.get_close_matches(word, list(names), 1)
    return f'did you mean "{close[0]}"?' if close else ""


def _unknown(signature: Signature, name: str) -> Problem:
    names = [field.name for field in signature.inputs]
    listed = f"inputs are: {', '.join(names)}" if names else "this model takes no inputs"
    close = _near(name, iter(names))
    return Problem(f'unknown input "{name}"', hint=f"{close} {listed}".strip())
