"""Our frozen dataclasses beside Python's own: whatever is asked of them, they answer alike."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.values import dataclass as ours

Make = Callable[..., Any]
OPTIONS = [
    {"frozen": True},
    {"frozen": True, "slots": True},
    {"frozen": True, "kw_only": True},
    {"frozen": True, "slots": True, "kw_only": True},
    {"frozen": True, "slots": True, "eq": False},
    {"frozen": True, "slots": True, "repr": False},
    {"frozen": True, "order": True},
    {"slots": True},
]
values = st.one_of(st.none(), st.integers(), st.text(), st.tuples(st.integers()))


def made(make: Make, options: dict[str, bool]) -> Any:
    """A class with fields of every kind."""

    @make(**options)
    class Box:
        """A box."""

        name: object
        size: object = 1
        things: list[object] = field(default_factory=list, hash=False)
        aside: object = field(default=None, compare=False, repr=False)
        fixed: int = field(default=7, init=False)

        @property
        def twice(self) -> tuple[object, object]:
            return self.name, self.name

    return Box


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@given(first=st.dictionaries(st.sampled_from(["size", "aside"]), values), name=values, other=values)
def test_they_answer_alike(
    options: dict[str, bool], first: dict[str, object], name: object, other: object
) -> None:
    def answers(make: Make) -> list[object]:
        cls = made(make, options)
        box, same, second = cls(name=name, **first), cls(name=name, **first), cls(name=other)
        told = [
            dataclasses.asdict(box), box == same, box == second, box != second, box == name,
            dataclasses.replace(box, name=other) == dataclasses.replace(same, name=other),
            box.twice, box.fixed, box.things, box.things is same.things, cls.__doc__,
            cls.__match_args__, hasattr(box, "__dict__"), copy.copy(box) == box,
            [f.name for f in dataclasses.fields(cls)],
        ]  # fmt: skip
        if options.get("eq", True):
            told.append(repr(copy.deepcopy(box)) == repr(box))
        if options.get("repr", True):
            told.append(repr(box))
        if options.get("frozen") and options.get("eq", True):
            told.append(hash(box) == hash(same))
        return told

    assert answers(ours) == answers(dataclasses.dataclass)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("given_", [{}, {"name": 1, "fixed": 2}, {"name": 1, "more": 2}])
def test_they_refuse_alike(options: dict[str, bool], given_: dict[str, int]) -> None:
    for make in (ours, dataclasses.dataclass):
        cls = made(make, options)
        with pytest.raises(TypeError, match="__init__"):
            cls(**given_)
        if options.get("kw_only"):
            with pytest.raises(TypeError, match="positional"):
                cls(1, 2)
        else:
            assert cls(1, 2).size == 2


@pytest.mark.parametrize("options", OPTIONS[:4], ids=str)
def test_nothing_is_set_or_deleted(options: dict[str, bool]) -> None:
    for make in (ours, dataclasses.dataclass):
        box = made(make, options)(name=1)
        with pytest.raises(dataclasses.FrozenInstanceError, match="name"):
            box.name = 2
        with pytest.raises(dataclasses.FrozenInstanceError, match="name"):
            del box.name
        assert box.name == 1


@ours(frozen=True, slots=True, kw_only=True)
class Base:
    """Has a child."""

    one: int = 1

    def __post_init__(self) -> None:
        if self.one < 0:
            raise ValueError("below 0")


@ours(frozen=True, slots=True, kw_only=True)
class Child(Base):
    """With a word of its own."""

    two: tuple[int, ...]

    def __repr__(self) -> str:
        return "a child"


@ours(frozen=True)
class Odd:
    """Equal to all."""

    one: int

    def __eq__(self, other: object) -> bool:
        return True


def test_a_child_has_the_fields_of_both_and_its_own_methods() -> None:
    child = Child(two=(1,))
    assert (child.one, child.two, repr(child)) == (1, (1,), "a child")
    assert child == Child(one=1, two=(1,))
    assert child != Base(one=1)
    assert pickle.loads(pickle.dumps(child)) == child
    with pytest.raises(ValueError, match="below 0"):
        Child(one=-1, two=())
    match child:
        case Child(two=(number,)):
            assert number == 1
    assert Odd(1) == 7
    assert hash(Odd(1)) == hash(Odd(1))


def test_a_value_in_itself_can_be_shown() -> None:
    things: list[object] = []
    box = made(ours, {"frozen": True})("x", 1, things)
    things.append(box)
    assert repr(box).endswith("things=[...], fixed=7)")
