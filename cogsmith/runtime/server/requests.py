"""The body of a request for a prediction → a Call, or the answer that refuses it.

Pure. Fields, statuses and the first words of each answer are coglet 0.23's, as observed; what
follows them is ours where coglet's parser tells more than a client could use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

__all__ = ["EVENTS", "MAX_ID", "Call", "Fault", "Refusal", "addressed", "invalid", "parse"]

EVENTS = frozenset({"start", "output", "logs", "completed"})
MAX_ID = 256  # characters of a client's id
JSON, TEXT = b"application/json", b"text/plain; charset=utf-8"

# Control characters would let an id write into logs and terminals.
_HOSTILE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_USUAL = frozenset({"application/json", "application/json; charset=utf-8"})
_JSON_TYPE = re.compile(r"\s*application/([\w.!#$&^-]+\+)?json\s*(;.*)?", re.IGNORECASE | re.DOTALL)
_EMPTY = b"{}"


class Call(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a client asks for.

    ``input`` is the JSON as it came: well-formed but for its texts and numbers, which
    ``Gate.admit`` reads, and perhaps no object. ``context`` is for the author's
    ``current_scope().context``. ``output_file_prefix`` and ``created_at`` are None unless they
    are texts: Cog's documents name them, and coglet ignores them whatever they are.
    """

    id: str | None = None
    input: bytes = _EMPTY
    webhook: str | None = None
    webhook_events_filter: frozenset[str] = EVENTS
    context: dict[str, str] = {}
    output_file_prefix: str | None = None
    created_at: str | None = None


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """A whole answer, but for headers that every answer has; ``kind`` is its Content-Type."""

    status: int
    body: bytes
    kind: bytes = JSON


class Fault(msgspec.Struct, frozen=True, gc=False):
    """One thing that is wrong, and where; the three keys of FastAPI's errors."""

    loc: tuple[str, ...]
    msg: str
    type: str = "value_error"


_Event = Literal["start", "output", "logs", "completed"]


class _Body(msgspec.Struct, gc=False):
    """The body as it is on the wire; fields that are not named here are skipped.

    UNSET tells what is absent from null, which coglet refuses for some.
    """

    id: str | None = None
    input: msgspec.Raw | UnsetType = UNSET
    webhook: str | None = None
    webhook_events_filter: frozenset[_Event] | UnsetType = UNSET
    context: dict[str, str] | UnsetType = UNSET
    output_file_prefix: msgspec.Raw | UnsetType = UNSET
    created_at: msgspec.Raw | UnsetType = UNSET


_decode = msgspec.json.Decoder(_Body).decode


def parse(body: bytes, content_type: str | None) -> Call | Refusal:
    """A request's body and its Content-Type; without the latter the body is not looked at."""
    if not content_type:
        return Call()
    if content_type not in _USUAL and _JSON_TYPE.fullmatch(content_type) is None:
        return Refusal(415, b"Expected request with `Content-Type: application/json`", TEXT)
    try:
        found = _decode(body)
    except msgspec.ValidationError as error:
        return _misshapen(body, error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return malformed(body, error)
    if found.id is not None and (wrong := _wrong_id(found.id)):
        return invalid([Fault(("body", "id"), wrong)])
    given = bytes(found.input or _EMPTY)
    return Call(
        id=found.id,
        input=_EMPTY if given == b"null" else given,
        webhook=found.webhook,
        webhook_events_filter=EVENTS
        if found.webhook_events_filter is UNSET
        else found.webhook_events_filter,
        context=found.context or {},
        output_file_prefix=_text(found.output_file_prefix),
        created_at=_text(found.created_at),
    )


def addressed(call: Call, name: str, *, noun: str = "prediction") -> Call | Refusal:
    """The call under the id that the URL gives; refused where its own id is another.

    ``noun`` is ``prediction`` or ``training``.
    """
    if call.id == name:
        return call
    if call.id is not None:
        words = f"{noun} ID must match the ID supplied in the URL"
        return invalid([Fault(("body", "id"), words)])
    if wrong := _wrong_id(name):
        return invalid([Fault(("path", f"{noun}_id"), wrong)])
    return msgspec.structs.replace(call, id=name)


def invalid(faults: Iterable[Fault]) -> Refusal:
    """422 with everything that is wrong, in the shape of Cog's HTTPValidationError."""
    return Refusal(422, msgspec.json.encode({"detail": list(faults)}))


def malformed(body: bytes, error: Exception) -> Refusal:
    """400 for what is no JSON, with what msgspec found in this body and where."""
    words = f"Failed to parse the request body as JSON: {_malady(body, error)}"
    return Refusal(400, words.encode(), TEXT)


def _wrong_id(name: str) -> str:
    """What is wrong with an id; empty when nothing is."""
    if not name:
        return "ID must not be empty"
    if len(name) > MAX_ID:
        return f"ID must have at most {MAX_ID} characters"
    return "ID must not contain control characters" if _HOSTILE.search(name) else ""


def _text(raw: msgspec.Raw | UnsetType) -> str | None:
    """A JSON text; None for all else, and for a text that is broken inside."""
    if isinstance(raw, UnsetType):
        return None
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _malady(body: bytes, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "recursion limit exceeded"
    if isinstance(error, UnicodeDecodeError):
        return "invalid unicode code point"
    found = re.fullmatch(r"(?:JSON is malformed: )?(.*?)(?: \(byte (\d+)\))?", str(error))
    reason, offset = found.groups() if found else (str(error), None)
    if reason == "Input data was truncated":
        whole = not body.strip(b" \t\r\n")
        return f"EOF while parsing {'a value' if whole else 'the body'} {_place(body, len(body))}"
    after = 0 if reason == "trailing characters" else 1  # msgspec counts that one otherwise
    at = f" {_place(body, int(offset) + after)}" if offset else ""
    return f"{reason[:1].lower()}{reason[1:]}{at}"


def _place(body: bytes, size: int) -> str:
    """The place after that many bytes, as line and column."""
    line, start = body.count(b"\n", 0, size), body.rfind(b"\n", 0, size) + 1
    return f"at line {line + 1} column {size - start}"


def _misshapen(body: bytes, error: msgspec.ValidationError) -> Refusal:
    """422 for JSON of another shape: the first fault of the body, in coglet's words."""
    try:
        found = next(_misfits(msgspec.json.decode(body)), str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = str(error)  # it is broken further on, too
    words = f"Failed to deserialize the JSON body into the target type: {found}"
    return Refusal(422, words.encode(), TEXT)


def _misfits(body: object) -> Iterator[str]:
    if not isinstance(body, dict):
        yield _unexpected(body, "struct PredictionRequest")
        return
    for name, value in body.items():
        if name in ("id", "webhook") and not isinstance(value, str | None):
            yield f"{name}: {_unexpected(value, 'a string')}"
        elif name == "webhook_events_filter":
            yield from _misfit_events(value)
        elif name == "context":
            yield from _misfit_context(value)


def _misfit_events(value: object) -> Iterator[str]:
    name = "webhook_events_filter"
    if not isinstance(value, list):
        yield f"{name}: {_unexpected(value, 'a sequence')}"
        return
    for index, event in enumerate(value):
        if not isinstance(event, str):
            yield f"{name}[{index}]: {_unexpected(event, 'a string')}"
        elif event not in EVENTS:
            known = "expected one of `start`, `output`, `logs`, `completed`"
            yield f"{name}[{index}]: unknown variant `{event}`, {known}"


def _misfit_context(value: object) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"context: {_unexpected(value, 'a map')}"
        return
    for key, item in value.items():
        if not isinstance(item, str):
            yield f"context.{key}: {_unexpected(item, 'a string')}"


def _unexpected(value: object, wanted: str) -> str:
    return f"invalid type: {_described(value)}, expected {wanted}"


def _described(value: object) -> str:
    """A value as Rust's serde speaks of it."""
    if value is None:
        return "null"
    if isinstance(value, list | dict):
        return "sequence" if isinstance(value, list) else "map"
    text = json.dumps(value, ensure_ascii=False)
    names = {bool: "boolean", int: "integer", float: "floating point"}
    name = names.get(type(value))
    return f"{name} `{text}`" if name else f"string {text}"
