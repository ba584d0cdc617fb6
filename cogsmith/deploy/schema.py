"""The JSON schema of deploy.yaml, for editors and for programs that check files without us.

It says what one key may hold. What two keys may not say together, and the grammar inside texts
(references, sizes, names), is for ``parse`` to tell.
"""

from __future__ import annotations

from cogsmith.deploy.deployment import Deployment

__all__ = ["json_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, object]:
    """The schema (JSON Schema, draft 2020-12) of a deploy.yaml that this version reads."""
    schema = _plain(Deployment.model_json_schema())
    assert isinstance(schema, dict)
    _open(schema)
    return {"$schema": DIALECT, "title": "deploy.yaml", **schema}


def _open(schema: dict[str, object]) -> None:
    """What ``parse`` also takes: numbers as values of variables, and a target without settings."""
    properties = schema["properties"]
    definitions = schema["$defs"]
    assert isinstance(properties, dict)
    assert isinstance(definitions, dict)
    properties["environment"]["additionalProperties"] = {"type": ["string", "number", "boolean"]}


def _plain(value: object) -> object:
    """The same without titles made of field names, and without ``additionalProperties: true``."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    noise = {"title": str, "additionalProperties": bool}
    return {
        key: _plain(item)
        for key, item in value.items()
        if not (isinstance(item, noise.get(key, ())) and item)
    }
