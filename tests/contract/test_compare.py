"""Changes between two versions: what breaks callers, what does not, and the laws of both."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.cases import generate
from cogsmith.contract import Contract, Effect, compare, step_of
from cogsmith.signature import (
    InputField,
    InputType,
    Kind,
    OutputField,
    OutputType,
    Shape,
    Signature,
    check,
)
from tests.contract.drawn import contracts, inputs, signatures

BREAKING, COMPATIBLE, COSMETIC = Effect.BREAKING, Effect.COMPATIBLE, Effect.COSMETIC
TEXT, NUMBER = OutputType(kind=Kind.STRING), OutputType(kind=Kind.FLOAT)


def field(name: str = "a", kind: Kind = Kind.INTEGER, **more: Any) -> InputField:
    told = {"order": 0, "has_default": True, "default": 1, **more}
    return InputField(name=name, type=told.pop("type", InputType(kind=kind)), **told)


def contract(*inputs: InputField, output: OutputType = TEXT, **more: Any) -> Contract:
    return Contract(
        predict=Signature(reference="", method="predict", inputs=inputs, output=output, **more)
    )


def effects(old: Contract, new: Contract) -> list[Effect]:
    return [change.effect for change in compare(old, new)]


@given(contracts)
def test_a_contract_is_compatible_with_itself(one: Contract) -> None:
    assert compare(one, one) == ()


@st.composite
def later(draw: st.DrawFn, one: InputField) -> InputField:
    """The same input in another version: as it was, with more room, or quite another."""
    way = draw(st.sampled_from(["same", "room", "choices", "type", "other"]))
    if way == "room":
        return replace(one, minimum=None, maximum=draw(st.none() | st.integers(0, 30)))
    if way == "choices" and one.choices:
        return replace(one, choices=(*one.choices, "z")[draw(st.integers(0, 1)) :])
    if way == "type" and one.type.kind is Kind.INTEGER:
        return replace(one, type=replace(one.type, kind=Kind.FLOAT))
    return draw(inputs(one.name, one.order)) if way == "other" else one


@given(signatures(), st.data(), st.integers(0, 99))
def test_without_a_breaking_change_what_fitted_fits(
    old: Signature, data: st.DataObject, seed: int
) -> None:
    new = replace(old, inputs=tuple(data.draw(later(one)) for one in old.inputs))
    changes = compare(Contract(predict=old), Contract(predict=new))
    breaking = any(change.effect is BREAKING for change in changes)
    made = islice(generate(old, seed), 20)
    assert breaking or all(not check(new, values) for values in made)


@given(st.integers(-9, 9), st.integers(0, 5), st.integers(1, 5))
def test_to_widen_is_compatible_and_to_narrow_again_breaks(low: int, size: int, by: int) -> None:
    narrow = contract(field(minimum=low, maximum=low + size))
    wide = contract(field(minimum=low - by, maximum=low + size + by))
    assert effects(narrow, wide) == [COMPATIBLE, COMPATIBLE]
    assert effects(wide, narrow) == [BREAKING, BREAKING]


@given(contracts, contracts)
def test_reports_are_the_same_each_time_and_breaking_changes_stand_first(
    old: Contract, new: Contract
) -> None:
    found = compare(old, new)
    assert found == compare(old, new)
    ranks = [list(Effect).index(change.effect) for change in found]
    assert ranks == sorted(ranks)


CHANGES: dict[str, tuple[InputField, InputField, list[Effect]]] = {
    "less than before": (field(maximum=9), field(maximum=8), [BREAKING]),
    "a bound where none was": (field(), field(minimum=0), [BREAKING]),
    "a bound less": (field(minimum=0), field(), [COMPATIBLE]),
    "a longer text": (field(max_length=5), field(max_length=6), [COMPATIBLE]),
    "a text that must be longer": (field(min_length=1), field(min_length=2), [BREAKING]),
    "a choice more": (field(choices=(1,)), field(choices=(1, 2)), [COMPATIBLE]),
    "a choice less": (field(choices=(1, 2)), field(choices=(1,)), [BREAKING]),
    "another choice": (field(choices=(1, 2)), field(choices=(1, 3)), [BREAKING, COMPATIBLE]),
    "choices in another order": (field(choices=(1, 2)), field(choices=(2, 1)), [COSMETIC]),
    "choices where all was free": (field(), field(choices=(1,)), [BREAKING]),
    "no choices any more": (field(choices=(1,)), field(), [COMPATIBLE]),
    "a whole number becomes any": (field(), field(kind=Kind.FLOAT), [COMPATIBLE]),
    "any number becomes a whole one": (field(kind=Kind.FLOAT), field(), [BREAKING]),
    "a list where one was": (
        field(), field(type=InputType(kind=Kind.INTEGER, many=True)), [BREAKING],
    ),
    "one of several where one was": (
        field(),
        field(type=InputType(variants=(InputType(kind=Kind.INTEGER), InputType(kind=Kind.STRING)))),
        [COMPATIBLE],
    ),
    "one where one of several was": (
        field(type=InputType(variants=(InputType(kind=Kind.INTEGER), InputType(kind=Kind.STRING)))),
        field(), [BREAKING],
    ),
    "a text becomes a file": (field(kind=Kind.STRING), field(kind=Kind.PATH), [BREAKING]),
    "a text becomes a secret": (field(kind=Kind.STRING), field(kind=Kind.SECRET), [COMPATIBLE]),
    "another default": (field(), field(default=2), [COMPATIBLE]),
    "true is not 1": (field(default=True), field(default=1), [COMPATIBLE]),
    "required now": (field(), field(has_default=False, default=None), [BREAKING]),
    "not required any more": (field(has_default=False, default=None), field(), [COMPATIBLE]),
    "another expression": (field(regex="a"), field(regex="a|b"), [BREAKING]),
    "no expression any more": (field(regex="a"), field(), [COMPATIBLE]),
    "another description": (field(description="a"), field(description="b"), [COSMETIC]),
    "deprecated": (field(), field(deprecated=True), [COSMETIC]),
    "other files asked for": (field(), field(accept="image/*"), [COSMETIC]),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_changes_of_an_input(name: str) -> None:
    old, new, expected = CHANGES[name]
    assert effects(contract(old), contract(new)) == expected


def nested(**fields: OutputType) -> OutputType:
    return OutputType(
        shape=Shape.OBJECT,
        fields=tuple(OutputField(name=n, type=t, required=True) for n, t in fields.items()),
    )


OUTPUTS: dict[str, tuple[OutputType, OutputType, list[Effect]]] = {
    "another kind": (TEXT, NUMBER, [BREAKING]),
    "a whole number is a number": (NUMBER, OutputType(kind=Kind.INTEGER), [COMPATIBLE]),
    "a stream where a text was": (
        TEXT, OutputType(shape=Shape.CONCATENATED, items=TEXT), [BREAKING],
    ),
    "a list of others": (
        OutputType(shape=Shape.LIST, items=TEXT), OutputType(shape=Shape.LIST, items=NUMBER),
        [BREAKING],
    ),
    "a field more": (nested(a=TEXT), nested(a=TEXT, b=TEXT), [COMPATIBLE]),
    "a field less": (nested(a=TEXT, b=TEXT), nested(a=TEXT), [BREAKING]),
    "a field of another kind, deep inside": (
        nested(a=nested(b=TEXT)), nested(a=nested(b=NUMBER)), [BREAKING],
    ),
    "null where none was": (nested(a=TEXT), nested(a=replace(TEXT, nullable=True)), [BREAKING]),
    "null no more": (nested(a=replace(TEXT, nullable=True)), nested(a=TEXT), [COMPATIBLE]),
}  # fmt: skip


@pytest.mark.parametrize("name", OUTPUTS)
def test_changes_of_an_output(name: str) -> None:
    old, new, expected = OUTPUTS[name]
    assert effects(contract(output=old), contract(output=new)) == expected


def test_a_field_that_may_be_missing_breaks_its_readers() -> None:
    always = nested(a=TEXT)
    sometimes = replace(always, fields=(replace(always.fields[0], required=False),))
    assert effects(contract(output=always), contract(output=sometimes)) == [BREAKING]
    assert effects(contract(output=sometimes), contract(output=always)) == [COMPATIBLE]


def test_inputs_that_come_and_go() -> None:
    one, required = field("a"), field("b", has_default=False, default=None, order=1)
    assert effects(contract(one), contract()) == [BREAKING]
    assert effects(contract(), contract(one)) == [COMPATIBLE]
    assert effects(contract(), contract(required)) == [BREAKING]


def test_streams_and_trainings_are_promises_too() -> None:
    assert effects(contract(streaming=True), contract()) == [BREAKING]
    assert effects(contract(), contract(streaming=True)) == [COMPATIBLE]
    trains = replace(contract(), train=contract(field()).predict)
    assert effects(trains, contract()) == [BREAKING]
    assert effects(contract(), trains) == [COMPATIBLE]
    tighter = replace(contract(), train=contract(field(minimum=0)).predict)
    (change,) = compare(trains, tighter)
    assert change.where == "train: input a"


def test_the_step_of_the_version_is_that_of_the_worst_change() -> None:
    base = contract(field())
    assert step_of(compare(base, base)) == ""
    assert step_of(compare(base, contract(field(description="a")))) == "patch"
    assert step_of(compare(base, contract(field(description="a", default=2)))) == "minor"
    assert step_of(compare(base, contract())) == "major"
