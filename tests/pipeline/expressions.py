"""GitHub's expressions, as far as our workflows use them: values, operators, calls.

By GitHub's documentation ("Evaluate expressions in workflows and actions"): ``&&`` and ``||`` give
one of their operands, what is not there is null, and null is empty in a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|&&|\|\||==|!|[()\[\],]|[\w.-]+)")
_HOLE = re.compile(r"\$\{\{(.*?)\}\}")


def text_of(template: str, context: Mapping[str, Any]) -> str:
    """A text with its expressions filled in."""
    return _HOLE.sub(lambda found: _shown(value_of(found[1], context)), template)


def holds(condition: str, context: Mapping[str, Any]) -> bool:
    """Whether an ``if:`` is so, with or without ``${{ }}``."""
    found = _HOLE.fullmatch(condition.strip())
    return bool(value_of(found[1] if found else condition, context))


def value_of(expression: str, context: Mapping[str, Any]) -> Any:
    reader = _Reader(_TOKEN.findall(expression.strip()), context)
    value = reader.either()
    assert not reader.left, (expression, reader.left)
    return value


def _shown(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


class _Reader:
    def __init__(self, tokens: list[str], context: Mapping[str, Any]) -> None:
        self.left, self.context = tokens, context

    def either(self) -> Any:
        value = self.both()
        while self.took("||"):
            other = self.both()
            value = value or other
        return value

    def both(self) -> Any:
        value = self.equal()
        while self.took("&&"):
            other = self.equal()
            value = value and other
        return value

    def equal(self) -> Any:
        value = self.one()
        return value == self.one() if self.took("==") else value

    def one(self) -> Any:
        if self.took("!"):
            return not self.one()
        token = self.left.pop(0)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if self.took("("):
            return FUNCTIONS[token](*self.arguments())
        value: Any = self.context
        for part in token.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def arguments(self) -> list[Any]:
        values = [self.either()]
        while self.took(","):
            values.append(self.either())
        assert self.took(")")
        return values

    def took(self, token: str) -> bool:
        if self.left and self.left[0] == token:
            self.left.pop(0)
            return True
        return False


def _format(template: str, *values: Any) -> str:
    return template.format(*map(_shown, values))


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "format": _format,
    "hashFiles": lambda *_patterns: "5ca1ab1e",
    "contains": lambda text, part: part in (text or ""),
}
