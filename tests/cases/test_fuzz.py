"""Fuzzed inputs: they fit, they are the same for a seed, corners come first, faults shrink."""

from __future__ import annotations

import base64
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.cases import generate, inputs_line
from cogsmith.cases.fuzz import simpler
from cogsmith.signature import (
    FileInput,
    InputField,
    InputType,
    Kind,
    OutputType,
    Signature,
    check,
)
from tests.contract.drawn import signatures


def signature(*fields: InputField) -> Signature:
    return Signature(reference="", method="predict", inputs=fields, output=OutputType())


def field(name: str, kind: Kind, **more: Any) -> InputField:
    return InputField(name=name, order=0, type=InputType(kind=kind), **more)


def made(one: Signature, count: int = 50, seed: int = 0, **more: Any) -> list[dict[str, Any]]:
    return list(islice(generate(one, seed, **more), count))


@given(signatures(), st.integers())
def test_all_that_is_made_fits_and_is_the_same_again(one: Signature, seed: int) -> None:
    found = made(one, seed=seed)
    assert all(not check(one, inputs) for inputs in found)
    assert found == made(one, seed=seed)
    assert len({repr(sorted(inputs.items())) for inputs in found}) == len(found)


@given(signatures(), st.integers(0, 99))
def test_what_is_simpler_fits_too(one: Signature, seed: int) -> None:
    for inputs in made(one, 10, seed):
        assert all(not check(one, less) for less in simpler(one, inputs))


def test_the_least_comes_first_and_then_the_corners() -> None:
    steps = field("steps", Kind.INTEGER, minimum=1, maximum=9, has_default=True, default=4)
    prompt = field("prompt", Kind.STRING)
    found = made(signature(prompt, steps))
    assert found[0] == {"prompt": "Hello"}
    values = [inputs["steps"] for inputs in found if "steps" in inputs]
    assert values[:3] == [4, 1, 9]
    texts = {inputs["prompt"] for inputs in found}
    assert {"", "日本語", "\n"} <= texts
    assert max(map(len, texts)) >= 300


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (field("a", Kind.STRING, choices=("x", "y")), {"x", "y"}),
        (field("a", Kind.BOOLEAN), {True, False}),
    ],
)
def test_an_input_of_few_values_gets_each_once(one: InputField, expected: set[Any]) -> None:
    assert {inputs["a"] for inputs in made(signature(one))} == expected


def test_a_model_without_inputs_gets_one_try() -> None:
    assert made(signature()) == [{}]


def test_an_expression_that_nothing_here_matches_ends_the_search() -> None:
    assert made(signature(field("a", Kind.STRING, regex="^[0-9]{7}x$"))) == []


def test_numbers_without_bounds_and_with_half_of_them() -> None:
    for more in ({}, {"minimum": 5}, {"maximum": -5}, {"minimum": 2**40}):
        one = signature(field("a", Kind.INTEGER, **more), field("b", Kind.FLOAT, **more))
        assert len(made(one)) == 50


def test_files_are_small_and_of_the_kind_that_is_asked_for() -> None:
    image = signature(field("a", Kind.PATH, accept="image/*"))
    url = made(image, 1)[0]["a"]
    assert base64.b64decode(url.removeprefix("data:image/png;base64,"), validate=True).startswith(
        b"\x89PNG"
    )
    assert made(signature(field("a", Kind.PATH)), 1)[0]["a"].startswith("data:text/plain")


def test_files_of_the_cases_are_better_than_ours() -> None:
    photo = FileInput("photo.jpg")
    one = signature(field("a", Kind.PATH), field("b", Kind.BOOLEAN))
    found = made(one, corpus=[{"a": photo, "b": True}])
    assert {inputs["a"] for inputs in found} == {photo}


@pytest.mark.parametrize(
    ("inputs", "line"),
    [
        ({"a": "b", "n": 1, "f": 0.5, "on": True}, "-i a=b -i n=1 -i f=0.5 -i on=true"),
        ({"a": "it's two"}, "-i 'a=it'\"'\"'s two'"),
        ({"a": FileInput("x.png")}, "-i a=@x.png"),
        ({"a": ["b"]}, """--json '{"a": ["b"]}'"""),
        ({}, ""),
    ],
)
def test_inputs_as_words_of_a_shell(inputs: dict[str, Any], line: str) -> None:
    assert inputs_line(inputs) == line
