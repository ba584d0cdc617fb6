"""Inputs to one request: two names of a limit, stops, corners."""

from __future__ import annotations

from typing import Any

import pytest

from cogsmith.engine import Sampling, TextRequest
from cogsmith.errors import EngineError
from predictors.request import text_request

PLAIN: dict[str, Any] = {
    "prompt": "Hello", "max_tokens": None, "max_new_tokens": None, "min_tokens": 0,
    "temperature": 1.0, "top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0,
    "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop_sequences": None, "seed": None,
    "prompt_template": None,
}  # fmt: skip


def test_nothing_asked_for() -> None:
    assert text_request(**PLAIN) == TextRequest(prompt="Hello", sampling=Sampling(), max_tokens=512)


@pytest.mark.parametrize(
    ("given", "most", "fewest"),
    [
        ({"max_tokens": 7}, 7, 0),
        ({"max_new_tokens": 7}, 7, 0),
        ({"max_tokens": 7, "max_new_tokens": 7}, 7, 0),
        ({"max_tokens": 7, "min_tokens": 2}, 7, 2),
        ({"min_tokens": -1}, 512, 0),
    ],
)
def test_limits(given: dict[str, int], most: int, fewest: int) -> None:
    request = text_request(**{**PLAIN, **given})
    assert (request.max_tokens, request.sampling.min_tokens) == (most, fewest)


def test_the_fewest_are_not_more_than_the_most() -> None:
    with pytest.raises(EngineError, match="max_tokens"):
        text_request(**{**PLAIN, "max_tokens": 3, "min_tokens": 4})


def test_stops_are_split_at_commas() -> None:
    request = text_request(**{**PLAIN, "stop_sequences": "###,\\n\\n"})
    assert request.stop == ("###", "\n\n")


@pytest.mark.parametrize("seed", [None, 0, 1, 4294967295])
def test_the_seed_is_handed_on(seed: int | None) -> None:
    assert text_request(**{**PLAIN, "seed": seed}).seed == seed
