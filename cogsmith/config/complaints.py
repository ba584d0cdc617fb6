"""What pydantic found, in the words of this house, each with its place and its hint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import ValidationError

from cogsmith.config.model_config import LEVELS, Document, RunCommand, WeightSource
from cogsmith.config.refusal import nearest, shown
from cogsmith.config.rules import Finding
from cogsmith.config.yaml_document import KeyPath, key_path

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["complaints", "level_of"]

REASONS = {
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "tuple_type": "must be a list",
    "model_type": "must be a mapping",
    "dict_type": "must be a mapping",
    "string_too_short": "must not be empty",
}
HINTS = {
    "string_type": "quote it",
    "bool_type": "write true or false, without quotes",
    "tuple_type": 'write one "- item" a line',
    "model_type": 'write "key: value" lines, indented',
}


def level_of(path: KeyPath) -> type[Document] | None:
    """The model of the mapping at a path, where the document has one."""
    return LEVELS.get(tuple("[]" if isinstance(part, int) else part for part in path))


def complaints(error: ValidationError) -> Iterator[Finding]:
    """One finding for each problem that pydantic gathered."""
    for detail in error.errors(include_url=False):
        yield _complaint(detail)


def _complaint(detail: ErrorDetails) -> Finding:
    path, kind = tuple(detail["loc"]), detail["type"]
    if kind == "extra_forbidden":
        return Finding(path, f"unknown key {shown(path[-1])}", _known_keys(path))
    if kind == "missing":
        return Finding(path, f'"{path[-1]}" is required', f"add it under {key_path(path[:-1])}")
    value = _discreet(path, detail["input"])
    context = detail.get("ctx", {})
    reason = context.get("reason") or _reason(path, kind, context)
    hint = context.get("hint") or HINTS.get(kind, "")
    return Finding(path, f"invalid {key_path(path)} {value}: {reason}", _list_hint(path) or hint)


def _reason(path: KeyPath, kind: str, context: dict[str, object]) -> str:
    if kind == "model_type" and level_of(path) in (RunCommand, WeightSource):
        return "must be text or a mapping"
    if kind in REASONS:
        return REASONS[kind]
    if kind == "greater_than_equal":
        return f"must be at least {context['ge']}"
    if kind == "literal_error":
        return f"must be {context['expected']}".replace("'", '"')
    return kind.replace("_", " ")


def _known_keys(path: KeyPath) -> str:
    """The nearest known key, the level where the key belongs, or all keys of this level."""
    level, key = level_of(path[:-1]), str(path[-1])
    keys = list(level.model_fields) if level else []
    if near := nearest(key, keys):
        return near
    for parents, other in LEVELS.items():
        if key in other.model_fields and parents != path[:-1]:
            return f'it belongs under "{parents[0]}:"' if parents else "it belongs at the top level"
    return f"known here: {', '.join(sorted(keys))}"


def _discreet(path: KeyPath, value: object) -> str:
    """The value as shown; of an environment variable the name alone, as it may be a secret."""
    if "environment" not in path:
        return shown(value)
    if isinstance(value, dict):
        return shown(dict.fromkeys(value, "…"))
    name, equals, _ = str(value).partition("=")
    return shown(f"{name}=…" if equals else value)


def _list_hint(path: KeyPath) -> str:
    return 'write one "- NAME=value" a line' if path[-1] == "environment" else ""
