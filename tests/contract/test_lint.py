"""Each rule of the lint speaks when it must, and is silent when all is said well."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from cogsmith.contract import Contract, lint, read
from cogsmith.signature import InputField, InputType, Kind, OutputType, Shape, Signature, openapi
from tests.contract.drawn import contracts

TEXT = OutputType(kind=Kind.STRING)


def field(
    name: str = "prompt", kind: Kind = Kind.STRING, order: int = 0, **more: Any
) -> InputField:
    good = {"description": "What it is", "type": InputType(kind=kind), **more}
    return InputField(name=name, order=order, **good)


def rules(*inputs: InputField, output: OutputType = TEXT) -> list[str]:
    signature = Signature(reference="", method="predict", inputs=inputs, output=output)
    return [f"{one.severity.value} {one.rule}" for one in lint(Contract(predict=signature))]


def test_a_model_that_says_all_has_no_findings() -> None:
    assert rules(
        field(max_length=100),
        field("steps", Kind.INTEGER, 1, minimum=1, maximum=9, has_default=True, default=3),
        field("mode", order=2, choices=("a", "b"), has_default=True, default="a"),
        field("seed", Kind.INTEGER, 3, has_default=True, default=1),
        field("token", Kind.SECRET, 4, has_default=True),
        field("max_tokens", Kind.INTEGER, 5, minimum=1, maximum=9, has_default=True, default=3),
    ) == []  # fmt: skip


BAD: dict[str, tuple[InputField, str]] = {
    "no description": (field(description=None, max_length=9), "warning description"),
    "a blank description": (field(description=" ", max_length=9), "warning description"),
    "no bounds": (field("steps", Kind.INTEGER), "warning bounds"),
    "half of the bounds": (field("steps", Kind.FLOAT, minimum=0), "warning bounds"),
    "a text of any length": (field(), "info max-length"),
    "an empty range": (
        field("steps", Kind.INTEGER, minimum=2, maximum=1), "error empty-range",
    ),
    "texts that cannot be": (field(min_length=2, max_length=1), "error empty-range"),
    "a default outside": (
        field("steps", Kind.INTEGER, minimum=1, maximum=3, has_default=True, default=7),
        "error default",
    ),
    "a default that is no choice": (
        field(choices=("a",), has_default=True, default="b"), "error default",
    ),
    "a default of another kind": (
        field("steps", Kind.INTEGER, minimum=1, maximum=3, has_default=True, default="2"),
        "error default",
    ),
    "an expression that is none": (field(regex="(", max_length=9), "error regex"),
    "a keyword": (field("class", max_length=9), "error name"),
    "no identifier": (field("top-k", max_length=9), "error name"),
    "choices that overwrite a schema": (field("Status", choices=("a",)), "error name"),
    "a field of the envelope": (field("webhook", max_length=9), "warning name"),
    "hard to type": (field("größe", max_length=9), "warning name"),
    "a secret in the open": (field("hf_token", max_length=9), "warning secret"),
    "another secret": (field("OPENAI_API_KEY", max_length=9), "warning secret"),
    "a kind of yesterday": (field("image", Kind.FILE), "warning deprecated"),
    "any object": (field("options", Kind.ANY), "info any"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_one_thing_said_badly_is_one_finding(name: str) -> None:
    given_field, expected = BAD[name]
    assert rules(given_field) == [expected]


def test_required_inputs_come_first_and_places_are_taken_once() -> None:
    late = field("b", order=1, max_length=9)
    assert rules(field("a", max_length=9, has_default=True, default=""), late) == ["info order"]
    twice = (field("a", max_length=9), field("b", max_length=9))
    assert rules(*twice) == ["error order"]


def test_names_that_callers_take_for_each_other() -> None:
    both = (field("topk", max_length=9), field("top_k", order=1, max_length=9))
    assert rules(*both) == ["warning name"]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (OutputType(), "warning output-any"),
        (OutputType(shape=Shape.LIST, items=OutputType()), "warning output-any"),
        (OutputType(kind=Kind.FILE), "warning deprecated"),
    ],
)
def test_outputs(output: OutputType, expected: str) -> None:
    assert rules(output=output) == [expected]


def test_trainings_are_looked_at_and_told_apart() -> None:
    train = Signature(reference="", method="train", inputs=(field("data"),), output=TEXT)
    (finding,) = lint(Contract(predict=None, train=train))
    assert finding.where == "train: input data"


@given(contracts)
def test_source_and_document_get_the_same_findings(contract: Contract) -> None:
    assert lint(contract) == lint(read(openapi(contract.predict)))
