"""What the author writes in a case file: every key, typed and frozen.

The descriptions travel to the JSON schema (docs/reference/cases.schema.json), where editors
show them. What a key means for an answer is in ``match``.
"""

from __future__ import annotations

import math
import re
import shlex
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator
from pydantic import StrictBool as Flag
from pydantic import StrictInt as Whole
from pydantic import StrictStr as Text
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from cogsmith.cases.json_path import JsonPath
from cogsmith.cases.quantities import number_of_bytes, number_of_seconds, share_or_number

__all__ = ["Budget", "Chunks", "Entry", "Expected", "Matcher", "Part"]

DIGEST = re.compile(r"[0-9a-f]{64}")
SECONDS: JsonDict = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}
BYTES: JsonDict = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}]}
TOLERANCE: JsonDict = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": "%$"}]
}


def refused(reason: object, hint: str = "") -> PydanticCustomError:
    """How a check says no; the two texts travel in its context."""
    return PydanticCustomError("refused", "{reason}", {"reason": str(reason), "hint": hint})


def _seconds(value: object) -> float:
    try:
        return number_of_seconds(value)
    except ValueError as error:
        raise refused(error) from None


def _bytes(value: object) -> int:
    try:
        return number_of_bytes(value)
    except ValueError as error:
        raise refused(error) from None


def _tolerance(value: object) -> tuple[float, float]:
    try:
        return share_or_number(value)
    except ValueError as error:
        raise refused(error) from None


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise refused(f"is not a regular expression: {error}") from None
    return text


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _digest(text: str) -> str:
    plain = text.lower().removeprefix("sha256:")
    if not DIGEST.fullmatch(plain):
        raise refused("is not a SHA-256", "64 digits of 0-9 and a-f, as sha256sum prints them")
    return plain


def _numbers(value: object) -> object:
    items = value if isinstance(value, list) else [value]
    for item in items:
        if isinstance(item, list):
            _numbers(item)
        elif isinstance(item, bool) or not isinstance(item, int | float) or math.isnan(item):
            raise refused("must be a number, or lists of numbers")
    return value


def _schema(value: object) -> object:
    """A JSON schema that is one; the library is imported only where a case has one."""
    import jsonschema

    if not isinstance(value, dict):
        raise refused("must be a JSON schema, a mapping")
    try:
        jsonschema.Draft202012Validator.check_schema(value)
    except jsonschema.SchemaError as error:
        raise refused(f"is not a JSON schema: {error.message}") from None
    return value


def _words(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError as error:
        raise refused(f"cannot be split into words: {error}", "close the quote") from None


def _path(text: str) -> str:
    try:
        JsonPath.parse(text)
    except ValueError as error:
        raise refused(error) from None
    return text


def _whole_or_range(value: object) -> object:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return {"min": value, "max": value} if whole else value


def _value(value: object) -> object:
    """A plain value is what is expected, exactly."""
    return value if isinstance(value, dict) else {"exact": value}


def _skip(value: object) -> bool | str:
    if not isinstance(value, bool | str):
        raise refused("must be true, or the reason")
    return value


def _error(value: object) -> object:
    return "" if value is True else value


Seconds = Annotated[float, PlainValidator(_seconds, json_schema_input_type=Any)]
Texts = Annotated[
    tuple[Text, ...], BeforeValidator(_several, json_schema_input_type=str | list[str])
]


class Part(BaseModel):
    """What all levels share: frozen, and no key beyond those that are written here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def gives(self, name: str) -> bool:
        """Whether the author wrote this key: ``exact: null`` expects null."""
        return name in self.model_fields_set


class Matcher(Part):
    """What a value must be; all that is given must hold."""

    exact: Any = Field(default=None, description="The value itself, as JSON; 1 is 1.0.")
    regex: Annotated[Text, AfterValidator(_regex)] | None = Field(
        default=None, description="A regular expression (Python's) that is found in the text."
    )
    contains: Texts = Field(default=(), description="Texts that are in it; in a list, items.")
    lacks: Texts = Field(default=(), description="Texts that are not in it.")
    near: Annotated[Any, BeforeValidator(_numbers)] = Field(
        default=None, description="A number, or lists of numbers, that it is close to."
    )
    within: Annotated[tuple[float, float], PlainValidator(_tolerance)] = Field(
        default_factory=lambda: (1e-6, 0.0), description="How close: a number, or a share like 1%.",
        json_schema_extra=TOLERANCE,
    )  # fmt: skip
    json_schema: Annotated[dict[str, Any], BeforeValidator(_schema)] | None = Field(
        default=None, alias="schema", description="A JSON schema (draft 2020-12) that it fits."
    )


class Chunks(Part):
    """How many pieces a stream comes in."""

    min: Whole = Field(default=0, ge=0, description="At least so many.")
    max: Whole | None = Field(default=None, ge=0, description="At most so many.")


class Expected(Matcher):
    """What an answer must be. Nothing written: the prediction must succeed."""

    at: dict[
        Annotated[Text, AfterValidator(_path)], Annotated[Matcher, BeforeValidator(_value)]
    ] = Field(default={}, description="What stands at a JSON path: $.items[0].score, $.items[*].")
    error: Annotated[Text, BeforeValidator(_error), AfterValidator(_regex)] | None = Field(
        default=None,
        description="The prediction must fail, with an error in which this expression is found; "
        "true is any error.",
        json_schema_extra={"anyOf": [{"type": "string"}, {"const": True}]},
    )
    sha256: Annotated[
        tuple[Annotated[Text, AfterValidator(_digest)], ...],
        BeforeValidator(_several, json_schema_input_type=str | list[str]),
    ] = Field(
        default=(),
        description="The SHA-256 of the output file (of each, in their order); without files, "
        "of the text.",
    )
    judge: Annotated[
        tuple[Text, ...], BeforeValidator(_words, json_schema_input_type=str | list[str])
    ] = Field(
        default=(),
        description="A command that reads the answer as JSON on standard input; exit code 0 is "
        "a pass.",
    )
    chunks: Annotated[Chunks, BeforeValidator(_whole_or_range)] | None = Field(
        default=None, description="How many pieces a stream comes in: a number, or min and max."
    )


class Budget(Part):
    """What an answer may cost. With ``repeat``, medians count."""

    first_token: Seconds | None = Field(
        default=None, description="Until the first piece of the output, in seconds.",
        json_schema_extra=SECONDS,
    )  # fmt: skip
    total: Seconds | None = Field(
        default=None, description="Until the end, in seconds.", json_schema_extra=SECONDS
    )
    tokens_per_second: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="At least so many tokens in a second."
    )
    memory: Annotated[int, PlainValidator(_bytes)] | None = Field(
        default=None,
        description="The peak of the model's processes, setup() included, in bytes or like 2GB; "
        "measured where the model runs on this machine.",
        json_schema_extra=BYTES,
    )


class Entry(Part):
    """One case: an input, what is expected of the answer, and what it may cost."""

    name: Annotated[Text, Field(min_length=1)] = Field(description="What people call it.")
    input: dict[str, Any] = Field(
        default={}, description="Inputs by name; @path is a file, relative to the case file."
    )
    expect: Annotated[Expected, BeforeValidator(_value)] = Field(
        default_factory=Expected, description="What the output must be: a value, or the keys below."
    )
    budget: Budget = Field(default_factory=Budget, description="What the answer may cost.")
    repeat: Annotated[Whole, Field(ge=1, le=1000)] = Field(
        default=1, description="How often it runs; every answer must be right."
    )
    timeout: Seconds = Field(
        default=600.0, description="When it is given up, in seconds.", json_schema_extra=SECONDS
    )
    tags: Texts = Field(default=(), description="Words to choose cases by.")
    skip: Annotated[bool | str, PlainValidator(_skip, json_schema_input_type=bool | str)] = Field(
        default=False, description="Do not run it: true, or the reason."
    )
    only: Flag = Field(default=False, description="Run those alone that say so.")
