"""Between our words and vLLM's: nothing here needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.engine.engine import Chunk, Request
from cogsmith.engine.sampling import Sampling
from cogsmith.engine.vllm.translate import chunk, refuse, sampling_arguments
from cogsmith.errors import EngineError

ENDS = frozenset([2, 9])


@dataclass
class Logprob:
    logprob: float
    rank: int = 1


@dataclass
class Output:
    """As vLLM's ``CompletionOutput``, as far as it is read."""

    token_ids: list[int]
    finish_reason: str | None = None
    logprobs: list[Mapping[int, Logprob]] | None = None


def request(**more: Any) -> Request:
    return Request(**{"id": "a", "token_ids": (1, 5), "max_tokens": 7, **more})


def test_every_value_is_said() -> None:
    sampling = Sampling(
        temperature=0.7,
        top_p=0.9,
        top_k=40,
        min_p=0.05,
        repetition_penalty=1.1,
        presence_penalty=0.2,
        frequency_penalty=-0.3,
        min_tokens=3,
    )
    asked = request(sampling=sampling, seed=0, stop_ids=frozenset([5]), logprobs=4)
    assert sampling_arguments(asked, ENDS) == {
        "n": 1,
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.05,
        "repetition_penalty": 1.1,
        "presence_penalty": 0.2,
        "frequency_penalty": -0.3,
        "seed": 0,
        "max_tokens": 7,
        "min_tokens": 3,
        "ignore_eos": True,
        "stop_token_ids": [2, 5, 9],
        "stop": [],
        "logprobs": 4,
        "prompt_logprobs": None,
        "detokenize": False,
    }


@pytest.mark.parametrize(
    ("name", "ours", "theirs"),
    [
        ("top_k", -1, 0),  # both are "all" with us; vLLM has one
        ("min_tokens", 100, 7),  # vLLM refuses more than max_tokens, which ends the answer anyway
    ],
)
def test_values_that_vllm_would_refuse_are_said_as_it_wants_them(
    name: str, ours: int, theirs: int
) -> None:
    asked = request(sampling=Sampling(**{name: ours}))
    assert sampling_arguments(asked, ENDS)[name] == theirs


def test_a_greedy_answer_has_no_seed() -> None:
    asked = request(sampling=Sampling(temperature=0), seed=5)
    assert sampling_arguments(asked, ENDS)["seed"] is None


def test_a_step_is_a_chunk() -> None:
    assert chunk(Output([4, 5])) == Chunk(token_ids=(4, 5))
    assert chunk(Output([4], "length")) == Chunk(token_ids=(4,), finish_reason="length")
    assert chunk(Output([], "abort")) == Chunk(finish_reason="cancelled")


def test_the_token_that_ends_the_answer_is_not_part_of_it() -> None:
    seen: list[Mapping[int, Logprob]] = [{4: Logprob(-0.5), 7: Logprob(-1.5)}, {2: Logprob(-0.1)}]
    assert chunk(Output([4, 2], "stop", seen)) == Chunk(
        token_ids=(4,), finish_reason="stop", logprobs=({4: -0.5, 7: -1.5},)
    )
    assert chunk(Output([2], "stop")) == Chunk(finish_reason="stop")


def test_a_request_that_vllm_gave_up_is_an_error() -> None:
    with pytest.raises(EngineError, match="gave the request up: error") as failed:
        chunk(Output([], "error"))
    assert failed.value.code == "E1200"


@given(
    answer=st.lists(st.integers(0, 50), max_size=20),
    cuts=st.lists(st.integers(0, 20), max_size=6),
    reason=st.sampled_from(["stop", "length", "abort"]),
)
def test_the_answer_does_not_depend_on_how_the_steps_were_merged(
    answer: list[int], cuts: list[int], reason: str
) -> None:
    told = [*answer, 2] if reason == "stop" else answer
    places = sorted(min(cut, len(answer)) for cut in cuts)
    pieces = [told[a:b] for a, b in zip([0, *places], [*places, len(told)], strict=True)]
    chunks = [chunk(Output(piece)) for piece in pieces[:-1]] + [chunk(Output(pieces[-1], reason))]
    assert [id_ for one in chunks for id_ in one.token_ids] == answer
    assert [one.finish_reason for one in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].finish_reason == {"abort": "cancelled"}.get(reason, reason)


def test_all_that_vllm_would_refuse_is_told_at_once() -> None:
    with pytest.raises(EngineError) as refused:
        refuse(request(sampling=Sampling(temperature=2.5), logprobs=21))
    assert [(one.where, one.hint) for one in refused.value.problems] == [
        ("temperature", "give 2 or less"),
        ("logprobs", "allowed: 0 to 20"),
    ]


@pytest.mark.parametrize("count", [None, 0, 20])
def test_what_it_takes_is_not_refused(count: int | None) -> None:
    refuse(request(sampling=Sampling(temperature=2), logprobs=count))
