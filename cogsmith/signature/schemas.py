"""JSON schemas of inputs and outputs, key by key as Cog writes them.

Keys stand in alphabetical order, as in the documents that Cog makes; properties stand in the
order of the arguments.
"""

from __future__ import annotations

from collections.abc import Iterable

from cogsmith.signature.types import InputField, InputType, Kind, OutputType, Shape, Signature

__all__ = ["Schema", "choices_schema", "input_schema", "output_schema", "schema", "title"]

Schema = dict[str, object]

SCALARS: dict[Kind, Schema] = {
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.FLOAT: {"type": "number"},
    Kind.INTEGER: {"type": "integer"},
    Kind.STRING: {"type": "string"},
    Kind.PATH: {"format": "uri", "type": "string"},
    Kind.FILE: {"format": "uri", "type": "string"},
    Kind.SECRET: {
        "format": "password",
        "type": "string",
        "writeOnly": True,
        "x-cog-secret": True,
    },
    Kind.ANY: {"type": "object"},
}
# Our names for an input's bounds → JSON schema's.
BOUNDS = {
    "description": "description",
    "minimum": "minimum",
    "maximum": "maximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "regex": "pattern",
    "accept": "x-cog-accept",
}


def schema(*parts: Schema, **more: object) -> Schema:
    """One schema object, keys in order."""
    merged = {key: value for part in (*parts, more) for key, value in part.items()}
    return dict(sorted(merged.items()))


def title(name: str) -> str:
    """``max_new_tokens`` → ``Max New Tokens``; letters after the first stay as they are."""
    return " ".join(part[:1].upper() + part[1:] for part in name.split("_"))


def input_schema(signature: Signature, name: str, enums: dict[str, str]) -> Schema:
    """The object of all inputs. ``enums`` tells in which component each input's choices are."""
    fields = signature.inputs
    properties = {field.name: _input(field, enums.get(field.name, "")) for field in fields}
    required = [field.name for field in signature.inputs if field.required]
    found = schema(title=name, type="object", properties=properties)
    return schema(found, required=required) if required else found


def _input(field: InputField, enum: str) -> Schema:
    extra: Schema = {"x-order": field.order}
    for key, name in BOUNDS.items():
        value = getattr(field, key)
        if value is not None:
            extra[name] = _number(value)
    if field.shows_default:
        extra["default"] = _number(field.default)
    if field.nullable:
        extra["nullable"] = True
    if field.deprecated:
        extra["deprecated"] = True
    return schema(_kind(field, enum), extra)


def _kind(field: InputField, enum: str) -> Schema:
    """The type; choices are a reference to their component.

    A list of choices keeps its array here. Cog drops it, and then refuses every list.
    """
    if not field.choices:
        return schema(_typed(field.type), title=title(field.name))
    choices: Schema = {"allOf": [{"$ref": f"#/components/schemas/{enum}"}]}
    if field.type.many:
        return schema(items=choices, title=title(field.name), type="array")
    return choices


def _typed(kind: InputType) -> Schema:
    if kind.variants:
        nullable: Schema = {"nullable": True} if kind.optional else {}
        return {"anyOf": [schema(_typed(variant), nullable) for variant in kind.variants]}
    one = dict(SCALARS[kind.kind])
    return {"items": one, "type": "array"} if kind.many else one


def choices_schema(field: InputField, name: str) -> Schema:
    """The component that lists an input's choices."""
    return schema(
        SCALARS[field.type.kind],
        title=name,
        description="An enumeration.",
        enum=list(field.choices),
    )


def output_schema(output: OutputType) -> Schema:
    """The whole output."""
    return schema(_output(output), title="Output")


def _output(output: OutputType) -> Schema:
    nullable: Schema = {"nullable": True} if output.nullable else {}
    return schema(_shape(output), nullable)


def _shape(output: OutputType) -> Schema:
    inner = _output(output.items) if output.items else SCALARS[Kind.ANY]
    if output.shape is Shape.SINGLE:
        return SCALARS[output.kind]
    if output.shape is Shape.DICT:
        return {"additionalProperties": inner, "type": "object"}
    if output.shape is Shape.OBJECT:
        return _object(output)
    marks = {}
    if output.is_iterator:
        marks["x-cog-array-type"] = "iterator"
    if output.is_concatenated:
        marks["x-cog-array-display"] = "concatenate"
    return {"items": inner, "type": "array", **marks}


def _object(output: OutputType) -> Schema:
    properties = {
        field.name: schema(_output(field.type), title=title(field.name)) for field in output.fields
    }
    required = [field.name for field in output.fields if field.required]
    found: Schema = {"properties": properties, "type": "object"}
    return {**found, "required": required} if required else found


def _number(value: object) -> object:
    """1.0 is written 1, at any depth, as in the documents that Cog makes."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, list):
        return [_number(item) for item in value]
    if isinstance(value, dict):
        return _table(value.items())
    return value


def _table(pairs: Iterable[tuple[object, object]]) -> Schema:
    return {str(key): _number(item) for key, item in pairs}
