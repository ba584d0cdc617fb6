"""When a request is tried again: laws of the waiting."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.registry import Backoff
from cogsmith.registry.retry import parse_retry_after

BACKOFFS = st.builds(
    Backoff,
    tries=st.integers(1, 20),
    first=st.floats(0.001, 10),
    factor=st.floats(1, 10),
    longest=st.floats(0.001, 100),
    patience=st.floats(0, 1000),
)
CHANCE = st.floats(0, 1)


@given(BACKOFFS, st.integers(1, 10_000), CHANCE)
def test_a_delay_is_between_half_and_all_of_its_ceiling(
    backoff: Backoff, failures: int, chance: float
) -> None:
    delay = backoff.delay(failures, 0, lambda: chance)
    if failures >= backoff.tries:
        assert delay is None
    else:
        assert delay is not None
        assert backoff.ceiling(failures) / 2 <= delay <= backoff.ceiling(failures)
        assert delay <= backoff.longest


@given(BACKOFFS, st.integers(1, 100))
def test_ceilings_never_shrink(backoff: Backoff, failures: int) -> None:
    assert backoff.ceiling(failures) <= backoff.ceiling(failures + 1)


@given(BACKOFFS, st.floats(0, 2000), CHANCE)
def test_what_the_registry_asks_for_is_a_floor(
    backoff: Backoff, asked: float, chance: float
) -> None:
    delay = backoff.delay(1, asked, lambda: chance)
    if delay is not None:
        assert delay >= asked
    else:
        assert asked > backoff.patience or backoff.tries == 1


@given(st.integers(0, 10**8), st.integers(0, 10**9))
def test_seconds_and_dates_mean_the_same(seconds: int, now: int) -> None:
    assert parse_retry_after(str(seconds), now) == seconds
    assert parse_retry_after(formatdate(now + seconds, usegmt=True), now) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5.2", "٣", "Thu, 99 Jan"])
def test_what_is_no_time(text: str) -> None:
    assert parse_retry_after(text, 0) == 0


def test_a_time_that_is_over() -> None:
    assert parse_retry_after("Thu, 01 Jan 1970 00:00:09 GMT", 100) == 0


def test_a_number_without_end_is_too_long_to_wait() -> None:
    assert Backoff().delay(1, parse_retry_after("9" * 400, 0), lambda: 0.5) is None
