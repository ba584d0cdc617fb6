"""Where the time went."""

from __future__ import annotations

import pytest

from cogsmith.cli.timings import Timings


def test_a_table_for_people() -> None:
    timings = Timings({"import": 0.75})
    timings.add("predict", 1.0)
    timings.add("predict", 1.25)
    assert list(timings.lines()) == [
        "   0.750 s   25%  import",
        "   2.250 s   75%  predict",
        "   3.000 s  100%  total",
    ]


def test_no_time_at_all_is_no_division_by_zero() -> None:
    assert list(Timings({"nothing": 0.0}).lines())[-1] == "   0.000 s    0%  total"


def test_a_phase_counts_also_when_it_fails() -> None:
    timings = Timings()
    with pytest.raises(ValueError, match="x"), timings.phase("inputs"):
        raise ValueError("x")
    assert timings.phases["inputs"] >= 0


def test_the_process_is_older_than_its_first_question() -> None:
    assert Timings.since_start().phases["command line"] > 0
