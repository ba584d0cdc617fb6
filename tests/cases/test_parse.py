"""Case files: what they may say, and every mistake with its line and what to write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cogsmith.cases import json_schema
from cogsmith.cases.parse import parse
from cogsmith.errors import CasesError

SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "cases.schema.json"

WHOLE = r"""
- name: everything
  input: {prompt: Hello, image: "@photo.jpg", stops: [a, b], options: {a: 1}}
  expect:
    exact: {a: [1, null, true]}
    regex: '^\{'
    contains: [a, b]
    lacks: c
    near: [1, [2.5, 3]]
    within: 1%
    schema: {type: object, required: [a]}
    at:
      $.a[0]: 1
      $.a[*]: {near: 1, within: 0.5}
      $['b c']: text
    sha256: "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    judge: python judge.py --least "0.5 of it"
    chunks: {min: 2, max: 9}
  budget: {first_token: 500ms, total: 2, tokens_per_second: 20, memory: 2GB}
  repeat: 3
  timeout: 1min
  tags: [slow, gpu]
  skip: not on Mondays
  only: true
- name: a value alone
  expect: Hello
- name: nothing but success
- name: an error
  expect: {error: 'at (most|maximum)'}
- name: any error
  expect: {error: true}
- name: null is expected
  expect: null
- name: so many
  expect: {chunks: 3}
  skip: true
  tags: slow
"""


def problems(text: str) -> list[str]:
    with pytest.raises(CasesError) as caught:
        parse(text, where="tests/a.yaml")
    return [f"{problem} | {problem.hint}" for problem in caught.value.problems]


def test_all_that_may_be_said_is_read() -> None:
    entry, value, plain, error, any_error, null, chunks = (
        placed.entry for placed in parse(WHOLE, where="a.yaml")
    )
    expect = entry.expect
    assert expect.exact == {"a": [1, None, True]}
    assert (expect.contains, expect.lacks) == (("a", "b"), ("c",))
    assert (expect.near, expect.within) == ([1, [2.5, 3]], (0.0, 0.01))
    assert expect.at["$.a[0]"].exact == 1
    assert expect.at["$.a[*]"].within == (0.5, 0.0)
    assert expect.sha256 == ("a" * 64,)
    assert expect.judge == ("python", "judge.py", "--least", "0.5 of it")
    assert expect.chunks
    assert (expect.chunks.min, expect.chunks.max) == (2, 9)
    budget = entry.budget
    assert (budget.first_token, budget.total, budget.memory) == (0.5, 2.0, 2 * 10**9)
    assert (entry.repeat, entry.timeout, entry.tags) == (3, 60.0, ("slow", "gpu"))
    assert (entry.skip, entry.only) == ("not on Mondays", True)
    assert value.expect.exact == "Hello"
    assert not plain.expect.gives("exact")
    assert error.expect.error == "at (most|maximum)"
    assert any_error.expect.error == ""
    assert null.expect.gives("exact")
    assert chunks.expect.chunks
    assert chunks.expect.chunks.max == 3


MISTAKES: dict[str, tuple[str, str]] = {
    "an empty file": ("", "is empty | write"),
    "no list": ("name: a", "must be a list of cases"),
    "an empty list": ("[]", "holds no cases"),
    "no case": ("- 7", "7 is not a case: it must be a mapping"),
    "no name": ("- input: {}", '"name" is required'),
    "an empty name": ('- name: ""', '"" must not be empty'),
    "an unknown key": ("- name: a\n  expct: b", 'unknown key "expct" | did you mean "expect"?'),
    "a key of another level": (
        "- name: a\n  memory: 2GB", 'unknown key "memory" | it belongs under "budget:"',
    ),
    "a mapping that is expected": (
        "- name: a\n  expect: {zzz: 1}", 'a mapping is expected by "exact: {...}"',
    ),
    "an unknown key deep inside": (
        "- name: a\n  expect: {at: {$.a: {nea: 1}}}",
        'expect.at."$.a".nea: unknown key "nea" | did you mean "near"?',
    ),
    "no expression": ("- name: a\n  expect: {regex: (}", "is not a regular expression"),
    "no path": ("- name: a\n  expect: {at: {a.b: 1}}", "must begin with $"),
    "a path that is too clever": (
        "- name: a\n  expect: {at: {'$..a': 1}}", "cannot be read from '..a' on",
    ),
    "no number": ("- name: a\n  expect: {near: b}", "must be a number, or lists of numbers"),
    "no tolerance": ("- name: a\n  expect: {near: 1, within: b}", "or a share like 1%"),
    "a tolerance of nothing": ("- name: a\n  expect: {within: 1}", "but not to what | add near:"),
    "no digest": ("- name: a\n  expect: {sha256: abc}", "is not a SHA-256 | 64 digits"),
    "a digest that is a number": (
        f"- name: a\n  expect: {{sha256: {'0' * 64}}}", "must be text, or a list of texts",
    ),
    "no schema": ("- name: a\n  expect: {schema: {type: 7}}", "is not a JSON schema"),
    "an open quote": ("- name: a\n  expect: {judge: 'a \"b'}", "cannot be split into words"),
    "a time of nothing": ("- name: a\n  budget: {total: soon}", "must be seconds, like 2, 500ms"),
    "a size of nothing": ("- name: a\n  budget: {memory: big}", "must be bytes, like 2GB"),
    "a pace of nothing": ("- name: a\n  budget: {tokens_per_second: 0}", "must be more than 0"),
    "repeat of nothing": ("- name: a\n  repeat: 0", "must be at least 1"),
    "an error and an output": (
        "- name: a\n  expect: {error: b, exact: c}", "an error is expected, and an output too",
    ),
    "the same name twice": ("- name: a\n- name: a", 'another case has the name "a", on line 1'),
    "no reason": ("- name: a\n  skip: 3", "3 must be true, or the reason"),
    "a key twice": ("- name: a\n  name: b", "is given twice"),
    "no YAML": ("- name: 'a", "is not YAML"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_what_to_write(name: str) -> None:
    text, expected = MISTAKES[name]
    (said,) = problems(text)
    assert expected in said
    assert said.startswith("tests/a.yaml")


def test_all_mistakes_are_told_at_once_in_the_order_of_lines() -> None:
    said = problems(
        "- name: a\n  expect: {regex: (}\n- input: 7\n- name: a\n- name: a\n  repeat: 0"
    )
    lines = [int(one.split(":")[1]) for one in said]
    assert lines == sorted(lines)
    assert len(said) == 4


def accepted() -> list[Any]:
    cases: list[Any] = yaml.safe_load(WHOLE)
    return cases


def test_the_published_schema_accepts_what_we_accept() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    jsonschema.validate(accepted(), json_schema())


@pytest.mark.parametrize(
    "case",
    [{}, {"name": 7}, {"name": "a", "expct": 1}, {"name": "a", "repeat": 0},
     {"name": "a", "expect": {"zzz": 1}}, {"name": "a", "budget": {"tokens_per_second": 0}},
     {"name": "a", "expect": {"at": {"$.a": {"nea": 1}}}}],
)  # fmt: skip
def test_the_published_schema_refuses_what_we_refuse(case: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([case], json_schema())
    assert problems(json.dumps([case]))


def test_the_page_is_the_schema() -> None:
    """``python -m tests.cases.test_parse`` writes it."""
    assert json.loads(SCHEMA.read_text("utf-8")) == json_schema()


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n", "utf-8")
