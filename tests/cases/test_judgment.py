"""What is right, what is wrong, and how a person is told."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.cases import Difference, Outcome
from cogsmith.cases.judgment import judge
from cogsmith.cases.match import equal
from cogsmith.signature import Kind, OutputField, OutputType, Shape
from tests.cases.making import ANY, FILE, STREAM, TEXT, answer, case, judged, said

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)

RIGHT: list[tuple[Any, Any]] = [
    ({"exact": [1, {"a": None}]}, [1.0, {"a": None}]),
    ({"exact": None}, None),
    ({"regex": "^a.c$"}, "abc"),
    ({"regex": '"a": 1'}, {"a": 1}),
    ({"contains": ["a", "b"], "lacks": "x"}, "ab"),
    ({"contains": "ab"}, ["ab", "c"]),
    ({"near": 10, "within": 0.5}, 10.5),
    ({"near": [[1], 2], "within": "10%"}, [[1.09], 1.81]),
    ({"schema": {"type": "array", "items": {"type": "integer"}}}, [1, 2]),
    ({"at": {"$.a[*].b": "x", "$.n": {"near": 1, "within": 1}}}, {"a": [{"b": "x"}], "n": 2}),
]  # fmt: skip

WRONG: list[tuple[Any, Any, str]] = [
    ({"exact": 1}, True, "the output is another"),
    ({"exact": {"a": 1}}, {"a": 1, "b": 2}, "the output is another"),
    ({"regex": "^b"}, "abc", "the output does not match /^b/"),
    ({"contains": ["a", "z", "y"]}, "abc", 'the output lacks "z", "y"'),
    ({"contains": "ab"}, ["abc"], 'the output lacks "ab"'),
    ({"lacks": "b"}, "abc", 'the output has "b" in it'),
    ({"near": 10, "within": 0.5}, 11, "the output is 11, and 0.5 around 10 was expected"),
    ({"near": [1, 2]}, [1, 3], "the output[1] is 3, and 1e-06 around 2 was expected"),
    ({"near": [1, 2]}, [1], "the output is not a list of 2"),
    ({"near": 1}, "1", 'the output is "1", not a number'),
    ({"near": 1}, True, "the output is true, not a number"),
    ({"near": 1, "within": 9}, math.nan, "the output is nan, and 9 around 1 was expected"),
    (
        {"schema": {"required": ["a"]}}, {},
        "the output does not fit the schema at $: 'a' is a required property",
    ),
    ({"at": {"$.a": 1}}, {"a": 2}, "$.a is another"),
    ({"at": {"$.a[*]": 1}}, {"a": [1, 2]}, "$.a[1] is another"),
    ({"at": {"$.b": 1}}, {"a": 1}, "there is nothing at $.b"),
]  # fmt: skip


@pytest.mark.parametrize(("expect", "output"), RIGHT)
def test_what_is_as_expected_passes(expect: Any, output: Any) -> None:
    assert judged(expect, output).outcome is Outcome.PASSED


@pytest.mark.parametrize(("expect", "output", "message"), WRONG)
def test_what_is_not_is_told(expect: Any, output: Any, message: str) -> None:
    assert said(judged(expect, output)) == [message]


def test_everything_that_is_wrong_is_told() -> None:
    assert len(said(judged({"exact": "a", "regex": "z", "contains": "y"}, "b"))) == 3


@given(values)
def test_a_value_is_what_it_is(value: Any) -> None:
    assert judged({"exact": value}, value).outcome is Outcome.PASSED


@given(values, values)
def test_equality_of_json_goes_both_ways(one: Any, other: Any) -> None:
    assert equal(one, other) is equal(other, one)


def test_the_pieces_of_a_text_are_compared_as_one() -> None:
    assert judged("Hello", ["Hel", "lo"], STREAM, chunks=2).outcome is Outcome.PASSED


def test_long_texts_are_told_as_a_diff() -> None:
    (difference,) = judged({"exact": "a\nb\nc"}, "a\nx\nc").differences
    assert difference.detail == ("@@ -1,3 +1,3 @@", " a", "-b", "+x", " c")
    (short,) = judged({"exact": "a"}, "b").differences
    assert short.detail == ('- "a"', '+ "b"')
    (cut,) = judged({"exact": ["x"] * 99}, [1] * 99).differences
    assert cut.detail[-1].endswith("more lines")


def test_a_failure_is_a_failure_unless_it_is_expected() -> None:
    failed = answer(None, ok=False, error="ValueError: the well is dry\nbecause")
    verdict = judge(case(), [failed], TEXT)
    assert verdict.differences == (
        Difference("the prediction failed: ValueError: the well is dry", ("because",)),
    )
    assert judge(case({"error": "well is"}), [failed], TEXT).outcome is Outcome.PASSED
    assert judge(case({"error": True}), [failed], TEXT).outcome is Outcome.PASSED
    assert said(judge(case({"error": "full"}), [failed], TEXT)) == [
        "the error does not match /full/"
    ]
    assert said(judge(case({"error": True}), [answer()], TEXT)) == [
        "the prediction succeeded, and an error was expected"
    ]


def test_a_crash_is_never_what_was_expected() -> None:
    crashed = answer(None, ok=False, error="Worker crashed: SIGSEGV", crashed=True)
    verdict = judge(case({"error": True}), [crashed], TEXT)
    assert said(verdict) == ["the model's process ended: Worker crashed: SIGSEGV"]


@pytest.mark.parametrize(
    ("wanted", "good"),
    [(2, True), (3, False), ({"min": 2}, True), ({"max": 1}, False), ({"min": 3}, False)],
)
def test_pieces_are_counted(wanted: Any, good: bool) -> None:
    verdict = judged({"chunks": wanted}, ["a", "b"], STREAM, chunks=2)
    assert (verdict.outcome is Outcome.PASSED) is good


def test_digests_and_judges() -> None:
    digest = "a" * 64
    assert judged({"sha256": digest}, "file:///a", FILE, digests=(digest,)).outcome is (
        Outcome.PASSED
    )
    assert said(judged({"sha256": digest}, "file:///a", FILE, digests=("b" * 64,))) == [
        "the SHA-256 is another"
    ]
    assert said(judged({"judge": "x"}, "a", judged="too short\nby far")) == [
        "the judge says no: too short"
    ]
    assert judged({"judge": "x"}, "a", judged="").outcome is Outcome.PASSED


OBJECT = OutputType(
    shape=Shape.OBJECT,
    fields=(
        OutputField(name="a", type=OutputType(kind=Kind.INTEGER), required=True),
        OutputField(name="b", type=OutputType(kind=Kind.STRING, nullable=True), required=False),
    ),
)


@pytest.mark.parametrize(
    ("kind", "output", "expected"),
    [
        (TEXT, 7, ["$ is a int, not the str that predict() declares"]),
        (TEXT, None, ["$ is null, not the str that predict() declares"]),
        (STREAM, ["a", 1], ["$[1] is a int, not the str that predict() declares"]),
        (STREAM, "a", ["$ is a str, not the list that predict() declares"]),
        (OBJECT, {"b": None}, ["$.a is missing, and predict() declares it"]),
        (OBJECT, {"a": 1.5}, ["$.a is a float, not the int that predict() declares"]),
        (OBJECT, [], ["$ is a list, not the object that predict() declares"]),
        (OBJECT, {"a": 1, "b": None, "c": 3}, []),
        (OutputType(shape=Shape.DICT, items=TEXT), {"x": 1},
         ["$.x is a int, not the str that predict() declares"]),
        (ANY, {"x": [1, None]}, []),
    ],
)  # fmt: skip
def test_an_output_is_what_predict_declares(
    kind: OutputType, output: Any, expected: list[str]
) -> None:
    assert said(judge(case(), [answer(output)], kind)) == expected


def test_budgets_are_kept_by_the_median() -> None:
    answers = [answer(first=t, total=2 * t, memory=10) for t in (1.0, 9.0, 2.0)]
    kept = case(budget={"first_token": 2, "total": 4, "memory": 10}, repeat=3)
    verdict = judge(kept, answers, TEXT)
    assert verdict.outcome is Outcome.PASSED
    assert (verdict.measures.first_token, verdict.runs) == (2.0, 3)
    broken = case(budget={"first_token": 1.5, "total": 3, "memory": 9})
    assert said(judge(broken, answers, TEXT)) == [
        "the first piece: 2 s, and at most 1.5 s was set",
        "the whole: 4 s, and at most 3 s was set",
        "memory: 10 bytes, and at most 9 bytes was set",
    ]


def test_a_pace_is_what_the_model_says_else_what_is_seen() -> None:
    slow = case(budget={"tokens_per_second": 10})
    told = {"tokens_per_second": 9.5}
    assert said(judge(slow, [answer(metrics=told)], TEXT)) == [
        "the pace: 9.5 tokens/s, and at least 10 tokens/s was set"
    ]
    counted = answer(metrics={"output_token_count": 30}, total=2.0)
    assert counted.tokens_per_second == 15
    assert answer(["a"] * 6, chunks=6, first=0.5, total=1.0).tokens_per_second == 10
    verdict = judge(slow, [answer()], TEXT)
    assert verdict.outcome is Outcome.PASSED
    assert verdict.note == "tokens_per_second could not be measured"


def test_of_several_runs_each_must_be_right() -> None:
    verdict = judge(case("a", repeat=3), [answer("a"), answer("b"), answer("c")], TEXT)
    assert said(verdict) == ["run 2 of 3: the output is another"]


def test_the_last_lines_of_the_model_are_told_of_a_failure_alone() -> None:
    logs = "\n".join(map(str, range(50)))
    wrong = judge(case("a"), [answer("b", logs=logs)], TEXT)
    assert wrong.logs.splitlines() == [str(n) for n in range(30, 50)]
    assert judge(case("b"), [answer("b", logs=logs)], TEXT).logs == ""
