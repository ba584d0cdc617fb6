"""An OpenAPI document → the Signature that it was made from, as far as callers can tell.

This is how an image is asked what it takes, without its source: its label, or its server, has
the document. Documents of Cog's older servers are read too: there a type may be a reference, an
``allOf`` or pydantic's ``anyOf`` with ``null``.

Law: ``openapi(from_openapi(openapi(s))) == openapi(s)``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cogsmith.errors import SignatureError
from cogsmith.signature.types import (
    InputField,
    InputType,
    Kind,
    OutputField,
    OutputType,
    Shape,
    Signature,
)

__all__ = ["from_openapi"]

Schema = Mapping[str, Any]

KINDS = {
    "boolean": Kind.BOOLEAN, "number": Kind.FLOAT, "integer": Kind.INTEGER,
    "string": Kind.STRING, "object": Kind.ANY,
}  # fmt: skip
BOUNDS = {
    "description": "description", "minimum": "minimum", "maximum": "maximum",
    "minLength": "min_length", "maxLength": "max_length", "x-cog-accept": "accept",
}  # fmt: skip
ITEMS = (*KINDS.values(),)
# Where a document says nothing of a type, everything is taken.
ANYTHING = InputType(
    variants=(*(InputType(kind=kind) for kind in ITEMS),
              *(InputType(kind=kind, many=True) for kind in ITEMS)),
)  # fmt: skip
DEEPEST = 20  # references inside of each other; a document may name itself


def from_openapi(document: Schema, *, train: bool = False) -> Signature:
    """What a document says of predicting, or of training.

    Raises SignatureError when it says nothing of it, or is none that Cog or we make.
    """
    reader = _Reader(document)
    noun = "training" if train else "prediction"
    declared = reader.component("TrainingInput" if train else "Input")
    if declared is None:
        message = f"its OpenAPI document has no inputs of a {noun}"
        raise SignatureError(message, where="components.schemas")
    start = _mapping(_mapping(_mapping(document.get("paths")).get(f"/{noun}s")).get("post"))
    output = reader.component("TrainingOutput" if train else "Output")
    return Signature(
        reference="",
        method="train" if train else "predict",
        inputs=reader.inputs(declared),
        output=reader.output(output or {}),
        is_train=train,
        streaming=start.get("x-cog-streaming") is True,
    )


def _mapping(value: object) -> Schema:
    return value if isinstance(value, Mapping) else {}


class _Reader:
    """A document whose references can be followed."""

    def __init__(self, document: Schema) -> None:
        self.schemas = _mapping(_mapping(document.get("components")).get("schemas"))

    def component(self, name: str) -> Schema | None:
        found = self.schemas.get(name)
        return self.whole(found) if isinstance(found, Mapping) else None

    def whole(self, schema: Schema) -> Schema:
        """The schema itself, with what it refers to below its own keys."""
        for _ in range(DEEPEST):
            inner = schema.get("allOf")
            if "$ref" in schema:
                name = str(schema["$ref"]).rpartition("/")[2]
                schema = {**_mapping(self.schemas.get(name)), **_without(schema, "$ref")}
            elif isinstance(inner, list) and len(inner) == 1:
                schema = {**_mapping(inner[0]), **_without(schema, "allOf")}
            else:
                break
        return schema

    # --- inputs

    def inputs(self, declared: Schema) -> tuple[InputField, ...]:
        required = declared.get("required") or ()
        properties = list(_mapping(declared.get("properties")).items())
        orders = {name: _order(schema, place) for place, (name, schema) in enumerate(properties)}
        properties.sort(key=lambda pair: orders[pair[0]])
        return tuple(
            self.input(name, _mapping(schema), name in required, orders[name])
            for name, schema in properties
        )

    def input(self, name: str, schema: Schema, required: bool, order: int) -> InputField:
        own, merged = schema, self.whole(schema)
        kind, choices = self.input_type(merged)
        has_default = "default" in own
        unsaid = not required and not has_default  # None is what it gets then
        kind = replace(kind, optional=kind.optional or own.get("nullable") is True or unsaid)
        # What stands at the property is the input's; an enumeration has a title of its own.
        bounds = {ours: own[theirs] for theirs, ours in BOUNDS.items() if own.get(theirs)
                  is not None}  # fmt: skip
        return InputField(
            name=name, order=order, type=kind, choices=choices, has_default=has_default,
            default=own.get("default"), regex=_regex(own.get("pattern")),
            deprecated=own.get("deprecated") is True, **bounds,
        )  # fmt: skip

    def input_type(self, schema: Schema) -> tuple[InputType, tuple[Any, ...]]:
        """The type, and the choices among its values."""
        if isinstance(schema.get("anyOf"), list):
            return self.union([self.whole(_mapping(one)) for one in schema["anyOf"]])
        if schema.get("type") == "array":
            inner, choices = self.input_type(self.whole(_mapping(schema.get("items"))))
            return InputType(kind=inner.kind, many=True), choices
        choices = tuple(schema.get("enum") or ())
        if "type" not in schema and not choices:
            return ANYTHING, ()
        return InputType(kind=_kind(schema)), choices

    def union(self, members: Sequence[Schema]) -> tuple[InputType, tuple[Any, ...]]:
        some = [one for one in members if one.get("type") != "null"]
        read = [self.input_type(one) for one in some]
        types = tuple(dict.fromkeys(one for one, _ in read))
        optional = len(some) < len(members) or any(one.get("nullable") is True for one in some)
        if len(types) == 1:
            return replace(types[0], optional=optional), read[0][1]
        return InputType(variants=types, optional=optional), ()

    # --- output

    def output(self, schema: Schema, depth: int = 0) -> OutputType:
        schema = self.whole(schema)
        if depth > DEEPEST:
            return OutputType()
        return replace(self.shape(schema, depth), nullable=schema.get("nullable") is True)

    def shape(self, schema: Schema, depth: int) -> OutputType:
        members = schema.get("anyOf")
        if isinstance(members, list):
            some = [one for one in members if _mapping(one).get("type") != "null"]
            return self.output(_mapping(some[0]), depth + 1) if len(some) == 1 else OutputType()
        if schema.get("type") == "array":
            items = self.output(_mapping(schema.get("items")), depth + 1)
            return OutputType(shape=_list_shape(schema), items=items)
        if isinstance(schema.get("properties"), Mapping):
            return OutputType(shape=Shape.OBJECT, fields=self.fields(schema, depth))
        if isinstance(schema.get("additionalProperties"), Mapping):
            items = self.output(schema["additionalProperties"], depth + 1)
            return OutputType(shape=Shape.DICT, items=items)
        return OutputType(kind=_kind(schema))

    def fields(self, schema: Schema, depth: int) -> tuple[OutputField, ...]:
        required = schema.get("required") or ()
        return tuple(
            OutputField(
                name=name, type=self.output(_mapping(one), depth + 1), required=name in required
            )
            for name, one in schema["properties"].items()
        )


def _without(schema: Schema, key: str) -> Schema:
    return {name: value for name, value in schema.items() if name != key}


def _order(schema: object, place: int) -> int:
    order = _mapping(schema).get("x-order")
    return order if isinstance(order, int) else place


def _kind(schema: Schema) -> Kind:
    kind = KINDS.get(str(schema.get("type")), Kind.ANY)
    if kind is not Kind.STRING:
        return kind
    if schema.get("x-cog-secret") is True or schema.get("format") == "password":
        return Kind.SECRET
    return Kind.PATH if schema.get("format") == "uri" else kind


def _list_shape(schema: Schema) -> Shape:
    if schema.get("x-cog-array-display") == "concatenate":
        return Shape.CONCATENATED
    return Shape.ITERATOR if schema.get("x-cog-array-type") == "iterator" else Shape.LIST


def _regex(pattern: object) -> str | None:
    """A pattern that Python reads; one of another language is left to the server."""
    if not isinstance(pattern, str):
        return None
    try:
        re.compile(pattern)
    except re.error:
        return None
    return pattern
