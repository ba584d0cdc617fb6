"""What pydantic found in deploy.yaml, in the words of this house, with place and hint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from cogsmith.config import KeyPath, key_path, nearest, shown
from cogsmith.deploy.deployment import Deployment
from cogsmith.deploy.rules import Finding

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
    "string_pattern_mismatch": "must begin with /",
}
HINTS = {
    "string_type": "quote it",
    "tuple_type": 'write one "- item" a line',
    "model_type": 'write "key: value" lines, indented',
    "dict_type": 'write "NAME: value" lines, indented',
}
BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
}


def level_of(path: KeyPath) -> type[BaseModel] | None:
    """The model of the mapping at a path, where the document has one."""
    level: type[BaseModel] | None = Deployment
    within = False  # a list, or a mapping by names: the next part chooses one of its items
    for part in path:
        if within:
            within = False
            continue
        field = level.model_fields.get(str(part)) if level else None
        level = _inner(field.annotation) if field else None
        within = bool(field) and _is_plural(field.annotation if field else None)
    return None if within else level


def _inner(annotation: Any) -> type[BaseModel] | None:
    """The model within a union, a list or a mapping by names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_inner(part) for part in get_args(annotation))
    return next((one for one in found if one is not None), None)


def _is_plural(annotation: Any) -> bool:
    return get_origin(annotation) in (dict, tuple)


def complaints(error: ValidationError) -> Iterator[Finding]:
    """One finding for each problem that pydantic gathered."""
    for detail in error.errors(include_url=False):
        yield _complaint(detail)


def _complaint(detail: ErrorDetails) -> Finding:
    kind = detail["type"]
    path = tuple(part for part in detail["loc"] if part != "[key]")
    if kind == "extra_forbidden":
        return Finding(path, f"unknown key {shown(path[-1])}", _known_keys(path))
    if kind == "missing":
        under = f" under {key_path(path[:-1])}" if path[:-1] else ""
        return Finding(path, f'"{path[-1]}" is required', f"add it{under}")
    context = detail.get("ctx", {})
    reason = context.get("reason") or _reason(kind, context)
    quiet = "secrets" in path or "[key]" in detail["loc"]
    value = "" if quiet else f" {shown(detail['input'])}"
    hint = context.get("hint") or HINTS.get(kind, "")
    return Finding(path, f"invalid {key_path(path)}{value}: {reason}", hint)


def _reason(kind: str, context: dict[str, Any]) -> str:
    if kind in BOUNDS:
        key, words = BOUNDS[kind]
        return f"must be {words} {context[key]:g}"
    if kind == "literal_error":
        return f"must be {context['expected']}".replace("'", '"')
    return REASONS.get(kind, kind.replace("_", " "))


def _known_keys(path: KeyPath) -> str:
    """The level where the key belongs, the nearest known key of this one, or all of them."""
    level, key = level_of(path[:-1]), str(path[-1])
    keys = list(level.model_fields) if level else []
    for name in ("", "rollout", "probes", "autoscaling", "targets"):
        other = level_of((name,) if name else ())
        if other and key in other.model_fields and (name,) != path[:-1]:
            return f'it belongs under "{name}:"' if name else "it belongs at the top level"
    return nearest(key, keys) or f"known here: {', '.join(sorted(keys))}"
