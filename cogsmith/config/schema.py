"""The JSON schema of cog.yaml, for editors and for programs that check files without us.

It says what one key may hold. What two keys may not say together, and the grammar inside
texts (versions, variables, references), is for ``parse`` to tell.
"""

from __future__ import annotations

from cogsmith.config.model_config import ModelConfig

__all__ = ["json_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, object]:
    """The schema (JSON Schema, draft 2020-12) of a cog.yaml that this version reads."""
    schema = _plain(ModelConfig.model_json_schema())
    assert isinstance(schema, dict)
    return {"$schema": DIALECT, "title": "cog.yaml", **schema}


def _plain(value: object) -> object:
    """The same without titles made of field names, and without ``additionalProperties: true``.

    Neither says anything; the second is written by some versions of pydantic only.
    """
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
