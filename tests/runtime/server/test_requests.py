"""Bodies of requests: what is asked for, and what is refused in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogsmith.runtime.server.requests import (
    EVENTS,
    MAX_ID,
    Call,
    Fault,
    Refusal,
    addressed,
    invalid,
    parse,
)

JSON = "application/json"
relaxed = settings(deadline=None)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = [
    "id", "input", "webhook", "webhook_events_filter", "context", "output_file_prefix",
    "created_at", "other",
]  # fmt: skip


def asked(**fields: Any) -> Call:
    """The call that such a body makes."""
    call = parse(json.dumps(fields).encode(), JSON)
    assert isinstance(call, Call), call
    return call


def refused(body: bytes | str, kind: str | None = JSON) -> tuple[int, bytes, str]:
    raw = body.encode() if isinstance(body, str) else body
    refusal = parse(raw, kind)
    assert isinstance(refusal, Refusal), refusal
    return refusal.status, refusal.kind, refusal.body.decode()


def test_a_whole_request() -> None:
    call = asked(
        id="abc",
        input={"prompt": "hi"},
        webhook="https://hooks.example/1",
        webhook_events_filter=["start", "completed"],
        context={"team": "red"},
        output_file_prefix="https://up.example/",
        created_at="2026-01-01T00:00:00Z",
        something_else=[1],
    )
    assert call == Call(
        id="abc",
        input=b'{"prompt": "hi"}',
        webhook="https://hooks.example/1",
        webhook_events_filter=frozenset({"start", "completed"}),
        context={"team": "red"},
        output_file_prefix="https://up.example/",
        created_at="2026-01-01T00:00:00Z",
    )


@pytest.mark.parametrize("body", ["{}", '{"input":null}', '{"input":{}}', '{"other":{"a":[1]}}'])
def test_nothing_asked_for_is_an_empty_input_and_every_event(body: str) -> None:
    assert parse(body.encode(), JSON) == Call(input=b"{}", webhook_events_filter=EVENTS)


def test_the_input_is_passed_on_as_it_came() -> None:
    call = parse(b'{"input" : { "a": 1.50,\n"a": [NULL] } }'.replace(b"NULL", b"null"), JSON)
    assert isinstance(call, Call)
    assert call.input == b'{ "a": 1.50,\n"a": [null] }'


def test_null_is_absence_for_id_and_webhook() -> None:
    assert asked(id=None, webhook=None) == Call()


def test_an_empty_filter_asks_for_no_event() -> None:
    assert asked(webhook_events_filter=[]).webhook_events_filter == frozenset()


@pytest.mark.parametrize("value", [3, None, [], {"a": "b"}])
def test_fields_that_coglet_ignores_may_be_anything(value: Any) -> None:
    assert asked(output_file_prefix=value, created_at=value) == Call()


@pytest.mark.parametrize("kind", [None, ""])
def test_without_a_content_type_the_body_is_not_looked_at(kind: str | None) -> None:
    assert parse(b'{"id":"abc"', kind) == Call()


@pytest.mark.parametrize(
    "kind",
    [
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/json;",
        " application/json ",
        "application/vnd.api+json",
        "application/json; charset=latin-1",
    ],
)
def test_kinds_of_json(kind: str) -> None:
    assert parse(b'{"id":"abc"}', kind) == Call(id="abc")


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "text/json", "garbage",
     "application/json, text/plain", "multipart/form-data; boundary=json"],
)  # fmt: skip
def test_another_content_type(kind: str) -> None:
    words = "Expected request with `Content-Type: application/json`"
    assert refused("{}", kind) == (415, b"text/plain; charset=utf-8", words)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "EOF while parsing a value at line 1 column 0"),
        (b" \n ", "EOF while parsing a value at line 2 column 1"),
        (b'{"input":', "EOF while parsing the body at line 1 column 9"),
        (b'{"input":{}} x', "trailing characters at line 1 column 14"),
        (b'{"input":\n  nul}', "invalid character at line 2 column 4"),
        (b'{"input":NaN}', "invalid character at line 1 column 10"),
        (b'{"input":{"a":01}}', "invalid number at line 1 column 16"),
        (b"\xef\xbb\xbf{}", "invalid character at line 1 column 1"),
        (b'{"id":"\xff"}', "invalid unicode code point"),
        (b'{"id":"\\udc00"}', "invalid utf-16 surrogate pair at line 1 column 14"),
        (b'{"x":' + b"[" * 100_000, "recursion limit exceeded"),
        (b'{"input":' + b'{"a":' * 100_000, "recursion limit exceeded"),
    ],
)  # fmt: skip
def test_what_is_no_json(body: bytes, words: str) -> None:
    whole = f"Failed to parse the request body as JSON: {words}"
    assert refused(body) == (400, b"text/plain; charset=utf-8", whole)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("[]", "invalid type: sequence, expected struct PredictionRequest"),
        ("3", "invalid type: integer `3`, expected struct PredictionRequest"),
        ('"é"', 'invalid type: string "é", expected struct PredictionRequest'),
        ("null", "invalid type: null, expected struct PredictionRequest"),
        ('{"id":3}', "id: invalid type: integer `3`, expected a string"),
        ('{"id":1.5}', "id: invalid type: floating point `1.5`, expected a string"),
        ('{"webhook":true}', "webhook: invalid type: boolean `true`, expected a string"),
        ('{"webhook":{}}', "webhook: invalid type: map, expected a string"),
        ('{"webhook_events_filter":null}',
         "webhook_events_filter: invalid type: null, expected a sequence"),
        ('{"webhook_events_filter":["start","bogus"]}',
         ("webhook_events_filter[1]: unknown variant `bogus`, "
         "expected one of `start`, `output`, `logs`, `completed`")),
        ('{"webhook_events_filter":[1]}',
         "webhook_events_filter[0]: invalid type: integer `1`, expected a string"),
        ('{"context":null}', "context: invalid type: null, expected a map"),
        ('{"context":{"a":1}}', "context.a: invalid type: integer `1`, expected a string"),
    ],
)  # fmt: skip
def test_json_of_another_shape(body: str, words: str) -> None:
    whole = f"Failed to deserialize the JSON body into the target type: {words}"
    assert refused(body) == (422, b"text/plain; charset=utf-8", whole)


def test_the_wrong_shape_is_told_though_the_rest_is_broken() -> None:
    status, _, words = refused('{"id":3,"input":{"a":"\\ud800')
    assert status == 422
    assert words.startswith("Failed to deserialize the JSON body into the target type: ")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "ID must not be empty"),
        ("x" * (MAX_ID + 1), "ID must have at most 256 characters"),
        ("a\nb", "ID must not contain control characters"),
        ("\x00", "ID must not contain control characters"),
        ("\x9b31m", "ID must not contain control characters"),
        ("a\u2028b", "ID must not contain control characters"),
    ],
)
def test_hostile_ids(name: str, words: str) -> None:
    fault = {"msg": words, "type": "value_error"}
    status, kind, body = refused(json.dumps({"id": name}))
    assert (status, kind) == (422, b"application/json")
    assert json.loads(body) == {"detail": [{"loc": ["body", "id"], **fault}]}
    refusal = addressed(Call(), name, noun="training")
    assert isinstance(refusal, Refusal)
    assert json.loads(refusal.body) == {"detail": [{"loc": ["path", "training_id"], **fault}]}


@pytest.mark.parametrize(
    "name", ["x" * MAX_ID, "../../etc/passwd", "a b", "é🦙", "%2e", "'; drop", "."]
)
def test_an_id_is_any_text(name: str) -> None:
    assert asked(id=name).id == name
    call = addressed(Call(webhook="w"), name)
    assert call == Call(id=name, webhook="w")


def test_the_id_in_the_body_must_be_that_of_the_url() -> None:
    assert addressed(Call(id="a"), "a") == Call(id="a")
    assert addressed(Call(id="b"), "a", noun="training") == invalid(
        [Fault(("body", "id"), "training ID must match the ID supplied in the URL")]
    )
    refusal = addressed(Call(id="b"), "a")
    assert isinstance(refusal, Refusal)
    assert refusal.body == (
        b'{"detail":[{"loc":["body","id"],'
        b'"msg":"prediction ID must match the ID supplied in the URL","type":"value_error"}]}'
    )


@relaxed
@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    answer = parse(body, JSON)
    assert isinstance(answer, Call) or answer.status in (400, 422)


@relaxed
@given(st.dictionaries(st.sampled_from(NAMES), values), st.integers(0, 40))
def test_any_json_is_read_or_refused(body: dict[str, Any], cut: int) -> None:
    text = json.dumps(body).encode()
    for raw in (text, text[:cut]):
        answer = parse(raw, JSON)
        assert isinstance(answer, Call) or answer.status in (400, 422)


@relaxed
@given(st.text())
def test_any_content_type_is_json_or_not(kind: str) -> None:
    answer = parse(b"{}", kind)
    assert answer == Call() or (isinstance(answer, Refusal) and answer.status == 415)


@relaxed
@given(st.dictionaries(st.text(), st.text()), st.text(max_size=MAX_ID).filter(str.isprintable))
def test_what_a_client_says_is_what_is_heard(context: dict[str, str], name: str) -> None:
    call = asked(context=context, webhook=name, input={"x": context}, id=name or None)
    assert (call.id, call.webhook, call.context) == (name or None, name, context)
    assert json.loads(call.input) == {"x": context}
