"""The operators, functions and methods that a default or a list of choices may use.

Each is pure and small. Everything is measured before it is done, so that no source text can
make the reader work or allocate without bound.
"""

from __future__ import annotations

import ast
import operator
import re
import string
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

__all__ = ["BINARY", "COMPARE", "CONSTANTS", "FUNCTIONS", "METHODS", "UNARY", "TooLarge", "size"]

LIMIT = 100_000
BITS = 4096


class TooLarge(ValueError):
    """A value that no default needs."""


def size(value: object) -> int:
    """How much there is of a value: characters, or items with what is in them, or bits."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, Mapping):
        return len(value) + sum(size(item) for item in islice(value.values(), LIMIT))
    if isinstance(value, list | tuple):
        return len(value) + sum(len(item) for item in value if isinstance(item, str | list | tuple))
    return value.bit_length() if isinstance(value, int) else 1


def _within(amount: int) -> None:
    if amount > LIMIT:
        raise TooLarge("it is too large")


def _multiply(left: Any, right: Any) -> object:
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > BITS:
            raise TooLarge("it is too large")
    elif not isinstance(left, float) and not isinstance(right, float):
        sequence, count = (right, left) if isinstance(left, int) else (left, right)
        _within(size(sequence) * max(0, count if isinstance(count, int) else 0))
    return operator.mul(left, right)


def _power(left: Any, right: Any) -> object:
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() * abs(right) > BITS:
            raise TooLarge("it is too large")
    elif not isinstance(left, int | float) or not isinstance(right, int | float):
        raise TypeError("** takes numbers")
    return operator.pow(left, right)


def _shift(left: Any, right: Any) -> object:
    if not (isinstance(left, int) and isinstance(right, int)) or right > BITS:
        raise TooLarge("it is too large")
    return left << right


def _modulo(left: Any, right: Any) -> object:
    if isinstance(left, str):
        if "*" in left or re.search(r"\d{3}", left):
            raise TooLarge("it is too large")
        _within(size(left) + size(right))
    return operator.mod(left, right)


def _add(left: Any, right: Any) -> object:
    _within(size(left) + size(right))
    return operator.add(left, right)


BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: _add,
    ast.Sub: operator.sub,
    ast.Mult: _multiply,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: _modulo,
    ast.Pow: _power,
    ast.LShift: _shift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
}

UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}

COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, container: operator.contains(container, item),
    ast.NotIn: lambda item, container: not operator.contains(container, item),
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


def _range(*bounds: int) -> list[int]:
    numbers = range(*bounds)
    _within(len(numbers))
    return list(numbers)


def _unique(items: Iterable[object] = ()) -> list[object]:
    """Sets are kept as lists in the order of the source, so that a schema never changes."""
    return list(dict.fromkeys(items))


def _text(value: object = "") -> str:
    if not isinstance(value, str | int | float | None):
        raise TypeError("str() takes a text, a number or None")
    return str(value)


def _dict(pairs: Any = (), **more: object) -> dict[object, object]:
    return dict(pairs, **more)


def _sorted(items: Iterable[Any], *, reverse: bool = False) -> list[object]:
    return sorted(items, reverse=reverse)


def _path(*parts: str) -> str:
    """``Path("a", "b")`` as a default is the text of the path."""
    if not all(isinstance(part, str) for part in parts):
        raise TypeError("a path is made of texts")
    return "/".join(part.rstrip("/") if part != "/" else part for part in parts) or "."


FUNCTIONS: dict[str, Callable[..., object]] = {
    "builtins.abs": abs,
    "builtins.all": all,
    "builtins.any": any,
    "builtins.bool": bool,
    "builtins.dict": _dict,
    "builtins.enumerate": lambda items, start=0: list(enumerate(items, start)),
    "builtins.float": float,
    "builtins.frozenset": _unique,
    "builtins.int": int,
    "builtins.len": len,
    "builtins.list": lambda items=(): list(items),
    "builtins.max": max,
    "builtins.min": min,
    "builtins.range": _range,
    "builtins.reversed": lambda items: list(reversed(items)),
    "builtins.round": round,
    "builtins.set": _unique,
    "builtins.sorted": _sorted,
    "builtins.str": _text,
    "builtins.sum": sum,
    "builtins.tuple": lambda items=(): tuple(items),
    "builtins.zip": lambda *rows: list(zip(*rows, strict=False)),
    "cog.Path": _path,
}

CONSTANTS: dict[str, object] = {
    "math.e": 2.718281828459045,
    "math.inf": float("inf"),
    "math.pi": 3.141592653589793,
    "string.ascii_letters": string.ascii_letters,
    "string.ascii_lowercase": string.ascii_lowercase,
    "string.ascii_uppercase": string.ascii_uppercase,
    "string.digits": string.digits,
    "sys.maxsize": 2**63 - 1,
    "builtins.True": True,
    "builtins.False": False,
    "builtins.None": None,
}


def _join(separator: str, items: Iterable[str]) -> str:
    texts = list(items)
    _within(len(separator) * len(texts) + sum(len(text) for text in texts))
    return separator.join(texts)


def _replace(text: str, old: str, new: str) -> str:
    _within(len(text) + (text.count(old) * len(new)))
    return text.replace(old, new)


_TEXT = (
    "capitalize", "casefold", "count", "endswith", "lower", "lstrip", "removeprefix",
    "removesuffix", "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper",
)  # fmt: skip

METHODS: dict[type, dict[str, Callable[..., object]]] = {
    str: {**{name: getattr(str, name) for name in _TEXT}, "join": _join, "replace": _replace},
    dict: {
        "copy": dict,
        "get": dict.get,
        "items": lambda table: list(table.items()),
        "keys": list,
        "values": lambda table: list(table.values()),
    },
    list: {"copy": list, "count": list.count, "index": list.index},
    tuple: {"count": tuple.count, "index": tuple.index},
}
