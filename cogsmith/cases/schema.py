"""The JSON schema of case files, for editors and for programs that check them without us.

It says what one key may hold. What two keys may not say together, and the grammar inside
texts (paths, durations, expressions), is for ``parse`` to tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cogsmith.cases.entry import Entry

__all__ = ["json_schema"]


def json_schema() -> dict[str, Any]:
    """The schema (JSON Schema, draft 2020-12) of a case file, for editors."""
    entry = Entry.model_json_schema(by_alias=True)
    parts = entry.pop("$defs")
    matchers = {"anyOf": [{"$ref": "#/$defs/Matcher"}, {"not": {"type": "object"}}]}
    parts["Expected"]["properties"]["at"]["additionalProperties"] = matchers
    entry["properties"]["expect"] = {
        "anyOf": [{"$ref": "#/$defs/Expected"}, {"not": {"type": "object"}}],
        "description": entry["properties"]["expect"]["description"],
    }
    chunks = parts["Expected"]["properties"]["chunks"]
    chunks["anyOf"] = [{"type": "integer", "minimum": 0}, *chunks["anyOf"]]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Test cases of a model",
        "type": "array",
        "minItems": 1,
        "items": {"$ref": "#/$defs/Entry"},
        "$defs": _plain({**parts, "Entry": entry}),
    }


def _plain(value: Any) -> Any:
    """The same without titles made of names, and without defaults that only say "not given"."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    noise: dict[str, Callable[[Any], bool]] = {
        "title": lambda said: isinstance(said, str),
        "default": lambda said: said in (None, [], {}, ""),
    }
    return {
        key: _plain(item) for key, item in value.items() if not (key in noise and noise[key](item))
    }
