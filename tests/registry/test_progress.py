"""What is told of a blob on its way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.oci import Descriptor
from cogsmith.registry import BlobProgress
from cogsmith.registry.progress import Teller

BLOB = Descriptor.of(b"x" * 1000, "x/y")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.tuples(st.integers(1, 10**9), st.floats(0, 3)), min_size=1, max_size=50))
def test_laws(steps: list[tuple[int, float]]) -> None:
    clock, told = Clock(), list[BlobProgress]()
    counter = Teller(told.append, clock, 0.5).blob(BLOB)
    counter.at(0)
    for count, seconds in steps:
        clock.now += seconds
        counter.more(count)
    counter.at(counter.done, "done")
    assert told[-1].done == sum(count for count, _ in steps)
    assert [p.done for p in told] == sorted(p.done for p in told)
    assert all(p.rate >= 0 for p in told)
    assert len(told) <= 2 + sum(seconds for _, seconds in steps) / 0.5


def test_a_steady_rate() -> None:
    clock, told = Clock(), list[BlobProgress]()
    counter = Teller(told.append, clock).blob(BLOB)
    for _ in range(100):
        clock.now += 0.2
        counter.more(100)
    assert told[-1].rate == pytest.approx(500)


def test_a_rate_follows_what_changes() -> None:
    clock, told = Clock(), list[BlobProgress]()
    counter = Teller(told.append, clock).blob(BLOB)
    for count in [100] * 100 + [10] * 100:
        clock.now += 0.2
        counter.more(count)
    assert told[-1].rate == pytest.approx(50)


def test_going_back_is_no_negative_rate() -> None:
    clock, told = Clock(), list[BlobProgress]()
    counter = Teller(told.append, clock).blob(BLOB)
    counter.more(800)
    clock.now = 1.0
    counter.at(0, "retrying", "it broke")
    assert (told[-1].done, told[-1].total, told[-1].note) == (0, 1000, "it broke")
    assert told[-1].rate >= 0
