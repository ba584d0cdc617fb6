"""Examples to learn from: three forms, and every line that is none."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.errors import DatasetError
from predictors.dataset import Example, parse

SAID = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]


def test_three_forms_and_empty_lines() -> None:
    lines = [
        json.dumps({"prompt": "Hi", "completion": " there", "source": "a book"}),
        "",
        json.dumps({"text": "Once."}),
        json.dumps({"messages": SAID}),
    ]
    assert parse(lines) == [
        Example(line=1, prompt="Hi", answer=" there"),
        Example(line=3, text="Once."),
        Example(line=4, messages=(SAID[0],), answer="Hello."),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "Expecting property name"),
        ("[]", "is not a JSON object"),
        ("{}", "has nothing to learn"),
        ('{"prompt": "Hi"}', "has a prompt and no completion"),
        ('{"completion": "Hi"}', "has no prompt"),
        ('{"prompt": "Hi", "completion": ""}', "completion is empty"),
        ('{"prompt": 1, "completion": "Hi"}', "prompt is not a text"),
        ('{"text": "Hi", "completion": "there", "prompt": "a"}', "has completion and text"),
        ('{"messages": "Hi"}', "messages is not a list of two"),
        ('{"messages": [{"role": "user"}, {"role": "user"}]}', "is not the assistant's"),
    ],
)
def test_lines_that_are_none(line: str, words: str) -> None:
    with pytest.raises(DatasetError, match=words) as caught:
        parse(['{"text": "good"}', line], where="a.jsonl")
    assert (caught.value.where, caught.value.code) == ("a.jsonl:2", "E1301")


def test_all_of_them_at_once() -> None:
    with pytest.raises(DatasetError) as caught:
        parse(["{}", '{"text": "good"}', "[]"])
    assert [problem.where for problem in caught.value.problems] == ["dataset:1", "dataset:3"]
    with pytest.raises(DatasetError, match="and 30 more lines"):
        parse(["{}"] * 50)


def test_nothing_in_it() -> None:
    with pytest.raises(DatasetError, match="nothing in it"):
        parse(["", " "])


@given(st.lists(st.text(), max_size=5))
def test_whatever_the_file_it_is_learned_or_refused(lines: list[str]) -> None:
    with suppress(DatasetError):
        assert all(one.text or one.answer for one in parse(lines))
