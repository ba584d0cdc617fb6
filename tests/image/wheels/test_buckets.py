"""Which wheels share a layer: laws over any set of wheels and any budget."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cogsmith.environment import Wheel
from cogsmith.image.wheels.buckets import BUCKETS, groups

NAMES = st.text("abcdefghij-", min_size=1, max_size=8)
SIZES = st.sampled_from([1, 40_000, 900_000, 1 << 20, 5 << 20, 60 << 20, 500 << 20])
SETS = st.dictionaries(NAMES, SIZES, min_size=1, max_size=120)


def wheel(name: str, size: int, version: str = "1") -> Wheel:
    return Wheel(
        name=name, version=version, filename=f"{name}-{version}-py3-none-any.whl", path=Path(name),
        sha256=f"{name}{version}", size=size,
    )  # fmt: skip


def of(sizes: dict[str, int]) -> list[Wheel]:
    return [wheel(name, size) for name, size in sizes.items()]


@given(SETS, st.integers(-1, 130))
def test_every_wheel_is_in_one_layer_and_the_budget_is_kept(
    sizes: dict[str, int], budget: int
) -> None:
    made = groups(of(sizes), budget)
    assert sorted(w.name for group in made for w in group) == sorted(sizes)
    assert 1 <= len(made) <= max(budget, 1)
    assert all(made)


@given(SETS, st.integers(1, 60))
def test_the_order_in_which_wheels_come_does_not_count(sizes: dict[str, int], budget: int) -> None:
    wheels = of(sizes)
    assert groups(wheels, budget) == groups(reversed(wheels), budget)


@given(SETS, st.integers(1, 60), st.data())
def test_a_new_version_changes_one_layer(
    sizes: dict[str, int], budget: int, draw: st.DataObject
) -> None:
    name = draw.draw(st.sampled_from(sorted(sizes)))
    before = groups(of(sizes), budget)
    others = [w for w in of(sizes) if w.name != name]
    after = groups([*others, wheel(name, sizes[name], "2")], budget)
    assert len(set(after) - set(before)) == 1


@given(SETS, SIZES)
def test_a_new_package_changes_one_layer_while_the_budget_lasts(
    sizes: dict[str, int], size: int
) -> None:
    before = groups(of(sizes), 200)
    after = groups([*of(sizes), wheel("new_one", size)], 200)
    assert len(set(after) - set(before)) == 1


def test_hundreds_of_wheels_stay_below_the_limit() -> None:
    for number in (100, 200, 1000):
        wheels = [wheel(f"package-{n}", 30_000 + (n % 50) * 60_000) for n in range(number)]
        assert len(groups(wheels, 48)) <= 48
    assert len(groups([wheel(f"p{n}", 100) for n in range(1000)], 48)) == BUCKETS


def test_the_large_come_first() -> None:
    made = groups(of({"torch": 500 << 20, "a": 10, "numpy": 16 << 20, "b": 10}), 40)
    assert [group[0].name for group in made[:2]] == ["torch", "numpy"]
