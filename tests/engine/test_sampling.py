from __future__ import annotations

import math

import pytest

from cogsmith.engine.sampling import Sampling
from cogsmith.errors import EngineError


def test_all_problems_at_once() -> None:
    with pytest.raises(EngineError) as caught:
        Sampling(temperature=-1, top_p=0, top_k=-2, presence_penalty=3)
    assert [problem.where for problem in caught.value.problems] == [
        "temperature", "top_p", "top_k", "presence_penalty",
    ]  # fmt: skip
    assert str(caught.value.problems[1]) == "top_p: 0 is out of range"
    assert caught.value.problems[1].hint == "allowed: above 0 and at most 1; 1 keeps every token"
    assert caught.value.code == "E1000"


@pytest.mark.parametrize("name", ["temperature", "top_p", "min_p", "repetition_penalty"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_only_finite_numbers(name: str, value: float) -> None:
    with pytest.raises(EngineError):
        Sampling(**{name: value})


def test_zero_temperature_is_greedy_and_both_ways_to_say_every_token_fit() -> None:
    assert Sampling(temperature=0).greedy
    assert not Sampling(temperature=0.01).greedy
    assert [Sampling(top_k=top_k).top_k for top_k in (0, -1)] == [0, -1]
