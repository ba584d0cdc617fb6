"""The gate: what it admits, what it fills in, and how it tells what is wrong."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogsmith.runtime.server.inputs import Faults, Gate
from cogsmith.runtime.server.requests import Refusal
from cogsmith.signature import (
    InputField,
    InputType,
    Kind,
    OutputType,
    Signature,
    check,
    complete,
)
from tests.signature.sources import signature

ARGUMENTS = """
    count: int,
    size: str = Input(choices=["small", "medium", "large"], default="small"),
    level: int = Input(choices=[1, 2], default=1),
    limited: float = Input(default=1, ge=0, le=10),
    whole: int = Input(default=1, ge=0.5, le=5.5),
    word: str = Input(default="abc", min_length=2, max_length=4, regex="[a-z]+$"),
    single: str = Input(default="a", min_length=1, max_length=1),
    tags: list[str] = [],
    picks: list[str] = Input(choices=["a", "b"], default=["a"]),
    scores: list[int] = Input(default=[], ge=1),
    image: Optional[Path] = None,
    images: list[Path] = [],
    table: dict = {},
    either: str | list[int] = "x",
    flag: bool = False,
    token: Secret = Input(default=None),
    half: Optional[float] = Input(default=0.5, ge=0, le=1),
"""
GATE = Gate.of(signature(ARGUMENTS))
DEFAULTS = complete(GATE.signature, {"count": 1})
relaxed = settings(deadline=None)


def admitted(gate: Gate, **values: Any) -> dict[str, Any]:
    answer = gate.admit(json.dumps(values).encode())
    assert isinstance(answer, bytes), answer
    found: dict[str, Any] = json.loads(answer)
    return found


def faults(gate: Gate, raw: bytes) -> list[tuple[str, str, str]]:
    """Each fault as input, words and type."""
    answer = gate.admit(raw)
    assert isinstance(answer, Faults), answer
    found = json.loads(answer.body())["detail"]
    assert all(one["loc"][:2] == ["body", "input"] and len(one["loc"]) == 3 for one in found)
    return [(one["loc"][2], one["msg"], one["type"]) for one in found]


def test_defaults_are_filled_in_and_strangers_dropped() -> None:
    found = admitted(GATE, count=3, word="xyz", stranger={"a": [1]})
    assert found == {**DEFAULTS, "count": 3, "word": "xyz"}
    assert list(found) == [field.name for field in GATE.signature.inputs]


def test_a_model_without_inputs_admits_anything_as_nothing() -> None:
    gate = Gate.of(signature())
    assert gate.admit(b"{}") == b"{}"
    assert gate.admit(b'{ "a": 1 }') == b"{}"


def test_the_whole_answer_to_a_wrong_input() -> None:
    answer = Gate.of(signature("mode: str, count: int")).admit(b'{"count":"3"}')
    assert isinstance(answer, Faults)
    assert answer.body() == (
        b'{"detail":[{"loc":["body","input","count"],'
        b'"msg":"\\"3\\" is not of type \\"integer\\"","type":"value_error"},'
        b'{"loc":["body","input","mode"],"msg":"Field required","type":"value_error.missing"}]}'
    )
    assert (answer.refusal().status, answer.refusal().kind) == (422, b"application/json")


# As coglet 0.23.1 says them; tests/contracts/test_inputs_coglet.py asks it.
WRONG: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"count": "3"}, [("count", '"3" is not of type "integer"')]),
    ({"count": 1.5}, [("count", '1.5 is not of type "integer"')]),
    ({"count": True}, [("count", 'true is not of type "integer"')]),
    ({"count": None}, [("count", 'null is not of type "integer"')]),
    ({"count": {"b": [1, 2.5], "a": "é"}},
     [("count", '{"a":"é","b":[1,2.5]} is not of type "integer"')]),
    ({"count": 'a"\n'}, [("count", '"a\\"\\n" is not of type "integer"')]),
    ({"count": 1, "size": "huge"},
     [("size", '"huge" is not one of ["small","medium","large"]')]),
    ({"count": 1, "size": None},
     [("size", 'null is not one of ["small","medium","large"]'),
      ("size", 'null is not of type "string"')]),
    ({"count": 1, "level": 3}, [("level", "3 is not one of [1,2]")]),
    ({"count": 1, "level": "1"},
     [("level", '"1" is not one of [1,2]'), ("level", '"1" is not of type "integer"')]),
    ({"count": 1, "limited": -0.5}, [("limited", "-0.5 is less than the minimum of 0")]),
    ({"count": 1, "limited": 11}, [("limited", "11 is greater than the maximum of 10")]),
    ({"count": 1, "limited": "a"}, [("limited", '"a" is not of type "number"')]),
    ({"count": 1, "whole": 6}, [("whole", "6 is greater than the maximum of 5.5")]),
    ({"count": 1, "whole": 9.0}, [("whole", "9.0 is greater than the maximum of 5.5")]),
    ({"count": 1, "whole": 9.5},
     [("whole", "9.5 is greater than the maximum of 5.5"),
      ("whole", '9.5 is not of type "integer"')]),
    ({"count": 1, "word": "a"}, [("word", '"a" is shorter than 2 characters')]),
    ({"count": 1, "word": "abcde"}, [("word", '"abcde" is longer than 4 characters')]),
    ({"count": 1, "word": "A"},
     [("word", '"A" is shorter than 2 characters'), ("word", '"A" does not match "[a-z]+$"')]),
    ({"count": 1, "word": 5}, [("word", '5 is not of type "string"')]),
    ({"count": 1, "single": ""}, [("single", '"" is shorter than 1 character')]),
    ({"count": 1, "single": "ab"}, [("single", '"ab" is longer than 1 character')]),
    ({"count": 1, "tags": "a"}, [("tags", '"a" is not of type "array"')]),
    ({"count": 1, "tags": None}, [("tags", 'null is not of type "array"')]),
    ({"count": 1, "tags": [1, "a", None]},
     [("tags/0", '1 is not of type "string"'), ("tags/2", 'null is not of type "string"')]),
    ({"count": 1, "picks": ["a", "z", 3]},
     [("picks/1", '"z" is not one of ["a","b"]'), ("picks/2", '3 is not one of ["a","b"]'),
      ("picks/2", '3 is not of type "string"')]),
    ({"count": 1, "scores": ["x"]}, [("scores/0", '"x" is not of type "integer"')]),
    ({"count": 1, "image": 1}, [("image", '1 is not of type "string"')]),
    ({"count": 1, "table": []}, [("table", '[] is not of type "object"')]),
    ({"count": 1, "flag": 1}, [("flag", '1 is not of type "boolean"')]),
    ({"count": 1, "either": ["a"]},
     [("either", '["a"] is not valid under any of the schemas listed in the \'anyOf\' keyword')]),
    ({"count": 1, "either": None},
     [("either", "null is not valid under any of the schemas listed in the 'anyOf' keyword")]),
    ({"count": 1, "half": 2}, [("half", "2 is greater than the maximum of 1")]),
    ({"word": "A", "flag": 1},
     [("flag", '1 is not of type "boolean"'), ("word", '"A" is shorter than 2 characters'),
      ("word", '"A" does not match "[a-z]+$"'), ("count", "Field required")]),
]  # fmt: skip


@pytest.mark.parametrize(("values", "told"), WRONG, ids=lambda one: str(one)[:40])
def test_every_fault_in_coglets_words(values: dict[str, Any], told: list[tuple[str, str]]) -> None:
    found = faults(GATE, json.dumps(values).encode())
    assert [(name, words) for name, words, _ in found] == told
    assert {kind for _, words, kind in found if words != "Field required"} <= {"value_error"}


@pytest.mark.parametrize("value", ["[]", "3", '"a"', "true"])
def test_an_input_that_is_no_object(value: str) -> None:
    told = [("__root__", f'{value} is not of type "object"', "value_error")]
    assert faults(GATE, value.encode()) == told
    assert faults(Gate.of(signature()), value.encode()) == told


def test_a_whole_number_is_an_integer_however_it_is_written() -> None:
    answer = GATE.admit(b'{"count":2.0,"level":1.0,"scores":[1e2],"limited":3}')
    assert isinstance(answer, bytes)
    assert answer.startswith(b'{"count":2,"size":"small","level":1,"limited":3.0,')
    assert b'"scores":[100]' in answer


def test_numbers_beyond_64_bits_stay_what_they_are() -> None:
    assert admitted(GATE, count=10**40)["count"] == 10**40
    gate = Gate.of(signature("big: int = Input(le=10**25), ratio: float = Input(le=10**25)"))
    assert admitted(gate, big=10**25, ratio=1) == {"big": 10**25, "ratio": 1.0}
    near = Gate.of(signature("ratio: float = Input(le=2**60)"))
    assert faults(near, b'{"ratio":%d}' % (2**60 + 1))  # as a float it would be the bound itself
    (fault,) = faults(gate, b'{"big":%d,"ratio":1}' % (10**25 + 1))
    assert fault[1] == f"{10**25 + 1} is greater than the maximum of {10**25}"


@pytest.mark.parametrize("name", ["image", "token", "half"])
def test_null_is_taken_where_the_document_says_nullable(name: str) -> None:
    assert admitted(GATE, count=1, **{name: None})[name] is None


def test_a_lists_bounds_hold_for_its_items() -> None:
    told = faults(GATE, b'{"count":1,"scores":[1,0]}')
    assert told == [("scores/1", "0 is less than the minimum of 1", "value_error")]


def test_a_pattern_may_match_anywhere() -> None:
    assert admitted(GATE, count=1, word="1abc")["word"] == "1abc"
    assert admitted(GATE, count=1.0, word="1abc")["word"] == "1abc"


@pytest.mark.parametrize(
    "url",
    ["/etc/passwd", "file:///etc/passwd", "FILE:///etc/passwd", "", "ftp://a/b", "s3://a/b", "x",
     " https://a/b", "HTTPS://a/b", "DATA:,x", "http:/etc/passwd", "\nhttp://a"],
)  # fmt: skip
def test_a_client_never_reaches_a_path(url: str) -> None:
    words = f"{json.dumps(url)} is not a URL that begins with https://, http:// or data:"
    assert faults(GATE, json.dumps({"count": 1, "image": url}).encode()) == [
        ("image", words, "value_error")
    ]
    both = {"count": 1, "images": ["data:,x", url]}
    assert faults(GATE, json.dumps(both).encode()) == [("images/1", words, "value_error")]


def test_files_are_urls() -> None:
    given = {"image": "data:text/plain,x", "images": ["http://a/b", "https://a/b"]}
    found = admitted(GATE, count=1, **given)
    assert {name: found[name] for name in given} == given


def test_an_authors_default_may_be_a_path() -> None:
    gate = Gate.of(signature('image: Path = Input(default="sample.png"), n: int = 1'))
    assert admitted(gate, n=2) == {"image": "sample.png", "n": 2}


def test_secrets_are_neither_shown_nor_repeated() -> None:
    completed = GATE.admit(b'{"count":1,"token":"hunter2"}')
    assert isinstance(completed, bytes)
    assert json.loads(completed)["token"] == "hunter2"
    assert GATE.shown(completed) == {**DEFAULTS, "token": "**********"}
    assert json.loads(GATE.shown_json(completed)) == GATE.shown(completed)
    told = faults(GATE, b'{"count":1,"token":["hunter2"]}')
    assert told == [("token", '"**********" is not of type "string"', "value_error")]


def test_an_absent_secret_is_shown_as_absent() -> None:
    completed = GATE.admit(b'{"count":1}')
    assert isinstance(completed, bytes)
    assert GATE.shown(completed)["token"] is None


def test_a_huge_value_is_not_repeated_whole() -> None:
    ((_, words, _),) = faults(GATE, b'{"count":"%s"}' % (b"a" * 100_000))
    assert words.endswith('… is not of type "integer"')
    assert len(words) < 1100


@pytest.mark.parametrize(
    "raw",
    [
        b'{"count":1e400}',
        b'{"count":%s}' % (b"9" * 5000),
        b'{"count":1,"limited":1e400}',
        b'{"count":1,"tags":["\xff"]}',
        b'{"count":1,"table":{"\xff":1}}',
        b'{"count":1,"table":{"a":%s}}' % (b"[" * 200 + b"]" * 200),
        b'{"count":1,"table":{"a":%s}}' % (b"[" * 5000 + b"]" * 5000),
        b'{"count":1,"table":{"a":%s}}' % (b'{"a":' * 200 + b"1" + b"}" * 200),
        b"{",
        b"",
        b'{"count":NaN}',
        b'{"count":1,"word":"\\ud800"}',
    ],
)
def test_what_cannot_be_read_is_answered_as_no_json(raw: bytes) -> None:
    answer = GATE.admit(raw)
    assert isinstance(answer, Refusal)
    assert answer.status == 400
    assert answer.body.startswith(b"Failed to parse the request body as JSON: ")


def test_wide_is_not_deep() -> None:
    table = {"a": [[] for _ in range(300)], "b": "[" * 300}
    assert admitted(GATE, count=1, table=table)["table"] == table


def test_a_name_given_twice_has_its_last_value() -> None:
    answer = GATE.admit(b'{"count":1,"count":2}')
    assert isinstance(answer, bytes)
    assert json.loads(answer)["count"] == 2


def test_names_that_python_or_msgspec_use_themselves() -> None:
    names = ["self", "__struct_fields__", "copy", "type", "f0", "__slots__"]
    fields = tuple(
        InputField(name=name, order=i, type=InputType(kind=Kind.INTEGER), has_default=True,
                   default=i)
        for i, name in enumerate(names)
    )  # fmt: skip
    gate = Gate.of(made(fields))
    assert admitted(gate, copy=7) == {**dict(zip(names, range(6), strict=True)), "copy": 7}


# --- the law: quick or slow, the gate says what the signature says


def made(fields: tuple[InputField, ...]) -> Signature:
    return Signature(reference="a.py:A", method="predict", inputs=fields, output=OutputType())


SMALL = st.integers(-3, 3) | st.integers(-(2**70), 2**70) | st.floats(-3, 3)
WORDS = st.text("ab1\n", max_size=4)
NATIVE = [Kind.BOOLEAN, Kind.INTEGER, Kind.FLOAT, Kind.STRING, Kind.ANY]
variants = st.lists(
    st.builds(InputType, kind=st.sampled_from(NATIVE), many=st.booleans()), min_size=2, max_size=3
).map(tuple)


@st.composite
def fields(draw: st.DrawFn, order: int) -> InputField:
    given: dict[str, Any] = {"name": f"x{order}", "order": order}
    optional = draw(st.booleans())
    if draw(st.integers(0, 5)) == 0:
        given["type"] = InputType(variants=draw(variants), optional=optional)
    else:
        kind = draw(st.sampled_from(list(Kind)))
        given["type"] = InputType(kind=kind, many=draw(st.booleans()), optional=optional)
        given |= draw(limits(kind))
    field = InputField(**given)
    if draw(st.booleans()):
        default = draw(st.none() | value_of(field))
        trial = InputField(**given, has_default=True, default=default)
        if default is None or not check(made((trial,)), {trial.name: default}):
            return trial
    return field


@st.composite
def limits(draw: st.DrawFn, kind: Kind) -> dict[str, Any]:
    """Rules that an author may give to an input of that kind; often none."""
    which = draw(st.sampled_from(["none", "choices", "bounds"]))
    if kind in (Kind.INTEGER, Kind.FLOAT) and which == "bounds":
        return {"minimum": draw(st.none() | SMALL), "maximum": draw(st.none() | SMALL)}
    if kind is Kind.INTEGER and which == "choices":
        return {"choices": tuple(draw(st.lists(st.integers(-3, 3), min_size=1)))}
    if kind is Kind.STRING and which == "choices":
        return {"choices": tuple(draw(st.lists(WORDS, min_size=1)))}
    if kind is Kind.STRING and which == "bounds":
        return {
            "min_length": draw(st.none() | st.integers(0, 3)),
            "max_length": draw(st.none() | st.integers(0, 3)),
            "regex": draw(st.sampled_from([None, "^a", "^[ab]*$"])),
        }
    return {}


def value_of(field: InputField) -> st.SearchStrategy[Any]:
    one = st.one_of([value_of_kind(variant) for variant in field.type.variants or (field.type,)])
    return one | st.sampled_from(field.choices) if field.choices else one


def value_of_kind(wanted: InputType) -> st.SearchStrategy[Any]:
    finite = st.floats(allow_nan=False, allow_infinity=False)
    plain: st.SearchStrategy[Any] = {
        Kind.BOOLEAN: st.booleans(),
        Kind.INTEGER: SMALL | finite.map(lambda number: float(round(number))),
        Kind.FLOAT: SMALL | finite,
        Kind.ANY: st.dictionaries(st.text(), st.none() | st.integers() | finite, max_size=2),
        Kind.PATH: st.sampled_from(["http://a", "https://a", "data:,x", "/etc", "file:///x", ""]),
        Kind.FILE: st.sampled_from(["http://a", "data:,x", "Data:,x", "x"]),
    }.get(wanted.kind, WORDS | st.text())
    return st.lists(plain, max_size=3) if wanted.many else plain


anything = st.recursive(
    st.none() | st.booleans() | SMALL | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Signature, dict[str, Any]]:
    shape = made(tuple(draw(fields(order)) for order in range(draw(st.integers(0, 4)))))
    values = {
        field.name: draw(st.one_of(value_of(field), value_of(field), anything))
        for field in shape.inputs
        if draw(st.integers(0, 5))
    }
    if draw(st.booleans()):
        values["stranger"] = draw(anything)
    return shape, values


def fit(shape: Signature, values: dict[str, Any]) -> bool:
    """Whether the signature's own check takes them, nulls and files as over HTTP."""
    known = {field.name: field for field in shape.inputs}
    told = {
        name: value
        for name, value in values.items()
        if name in known and not (value is None and known[name].nullable)
    }
    urls = re.compile(r"(https?://|data:)")
    for name, value in told.items():
        if known[name].type.is_file:
            items = value if isinstance(value, list) else [value]
            if any(isinstance(item, str) and not urls.match(item) for item in items):
                return False
    absent = [name for name in values.keys() & known.keys() if name not in told]
    given = {field.name: field for field in shape.inputs if field.name not in absent}
    return not check(made(tuple(given.values())), told)


@settings(relaxed, max_examples=400)
@given(cases())
def test_the_gate_admits_what_the_signature_takes(case: tuple[Signature, dict[str, Any]]) -> None:
    shape, values = case
    raw = json.dumps(values).encode()
    answer = Gate.of(shape).admit(raw)
    if fit(shape, values):
        known = {name: one for name, one in values.items() if shape.input(name)}
        assert isinstance(answer, bytes), answer
        assert typed(json.loads(answer)) == typed(complete(shape, known))
    else:
        assert isinstance(answer, Faults)
        assert answer.items


def typed(value: Any) -> Any:
    """A value in which 1, 1.0 and True differ; -0.0 and 0.0 do not."""
    if isinstance(value, dict):
        return {name: typed(item) for name, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return (type(value), value)


@relaxed
@given(cases(), st.binary() | st.text().map(str.encode), st.integers(0, 30))
def test_any_bytes_are_admitted_or_refused(
    case: tuple[Signature, dict[str, Any]], junk: bytes, cut: int
) -> None:
    shape, values = case
    gate = Gate.of(shape)
    raw = json.dumps(values).encode()
    for one in (junk, raw[:cut] + junk, raw[:cut] + junk + raw[cut:]):
        answer = gate.admit(one)
        if isinstance(answer, Faults):
            assert json.loads(answer.body())["detail"]
        elif isinstance(answer, Refusal):
            assert answer.status == 400
        else:
            assert isinstance(gate.shown(answer), dict)
