"""From our words to vLLM's and back; nothing here imports it.

Every value is said, since vLLM's defaults are not ours (16 tokens, cumulative outputs, the
tokenizer's end token). Read in vLLM 0.32 and 0.33: ``SamplingParams``, ``CompletionOutput``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from cogsmith.engine.engine import Chunk, FinishReason, Request
from cogsmith.errors import EngineError, Problem

__all__ = ["MOST_LOGPROBS", "Output", "chunk", "refuse", "sampling_arguments"]

MOST_LOGPROBS = 20
"""The most log probabilities per token: vLLM's default, and the bound of OpenAI's API."""

_HOTTEST = 2.0  # vLLM's own bound of temperature
_REASONS: Mapping[str | None, FinishReason | None] = {
    None: None,
    "stop": "stop",
    "length": "length",
    "abort": "cancelled",
}


class _Logprob(Protocol):
    @property
    def logprob(self) -> float: ...


class Output(Protocol):
    """What one step, or several that nobody has read yet, add to an answer."""

    @property
    def token_ids(self) -> Sequence[int]:
        """The new tokens; the one that ended the answer is among them."""

    @property
    def finish_reason(self) -> str | None:
        """``stop``, ``length``, ``abort``, ``error``, or None while it goes on."""

    @property
    def logprobs(self) -> Sequence[Mapping[int, _Logprob]] | None:
        """One mapping per new token, where they were asked for."""


def sampling_arguments(request: Request, end_ids: frozenset[int]) -> dict[str, Any]:
    """The arguments of ``SamplingParams``, but for ``output_kind``, which has a type of vLLM's.

    The model's end tokens are ours to name, so that both back ends end an answer at the same
    ones. A greedy answer needs no random numbers, and a seed would cost each step a generator.
    """
    sampling = request.sampling
    return {
        "n": 1,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": max(sampling.top_k, 0),
        "min_p": sampling.min_p,
        "repetition_penalty": sampling.repetition_penalty,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "seed": None if sampling.greedy else request.seed,
        "max_tokens": request.max_tokens,
        "min_tokens": min(sampling.min_tokens, request.max_tokens),
        "ignore_eos": True,
        "stop_token_ids": sorted(end_ids | request.stop_ids),
        "stop": [],
        "logprobs": request.logprobs,
        "prompt_logprobs": None,
        "detokenize": False,
    }


def refuse(request: Request) -> None:
    """Raise EngineError (E1000) with all that other engines take and vLLM does not."""
    if problems := tuple(_misfits(request)):
        raise EngineError(problems)


def chunk(output: Output) -> Chunk:
    """An output as a chunk: without the token that ended the answer.

    Raises EngineError (E1200) when vLLM gave this one request up.
    """
    if output.finish_reason not in _REASONS:
        raise EngineError(
            f"vLLM gave the request up: {output.finish_reason}",
            code="E1200",
            hint="try again; the log may tell more",
        )
    reason = _REASONS[output.finish_reason]
    count = len(output.token_ids) - (reason == "stop")
    return Chunk(
        token_ids=tuple(output.token_ids[:count]),
        finish_reason=reason,
        logprobs=tuple(_plain(one) for one in (output.logprobs or ())[:count]),
    )


def _plain(one: Mapping[int, _Logprob]) -> dict[int, float]:
    return {id_: about.logprob for id_, about in one.items()}


def _misfits(request: Request) -> Iterator[Problem]:
    if request.sampling.temperature > _HOTTEST:
        yield Problem(
            f"{request.sampling.temperature} is more than the vLLM engine takes",
            "temperature",
            f"give {_HOTTEST:g} or less",
        )
    if request.logprobs is not None and not 0 <= request.logprobs <= MOST_LOGPROBS:
        yield Problem(
            f"{request.logprobs} is out of range", "logprobs", f"allowed: 0 to {MOST_LOGPROBS}"
        )
