"""From a predictor's inputs to what the engine is asked: pure, and the same for every family."""

from __future__ import annotations

from typing import Any

from cogsmith.engine import Sampling, TextRequest, parse_stops, token_limits

__all__ = ["text_request"]


def text_request(
    *,
    prompt: str,
    max_tokens: int | None,
    max_new_tokens: int | None,
    min_tokens: int,
    temperature: float,
    top_p: float,
    top_k: int,
    repetition_penalty: float,
    presence_penalty: float,
    frequency_penalty: float,
    stop_sequences: str | None,
    seed: int | None,
    prompt_template: str | None,
    system_prompt: str | None = None,
    images: tuple[bytes, ...] = (),
    messages: list[dict[str, Any]] | None = None,
    logprobs: int | None = None,
    adapter: str | None = None,
) -> TextRequest:
    """Fold the field's inputs, old names and new, into one request.

    Raises EngineError when both token limits are given and differ (E1101), or a value has no
    meaning (E1000).
    """
    limits = token_limits(max_tokens, max_new_tokens, min_tokens=min_tokens)
    sampling = Sampling(
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        repetition_penalty=repetition_penalty,
        presence_penalty=presence_penalty,
        frequency_penalty=frequency_penalty,
        min_tokens=limits.min_tokens,
    )
    return TextRequest(
        prompt=prompt,
        system_prompt=system_prompt,
        prompt_template=prompt_template,
        sampling=sampling,
        max_tokens=limits.max_tokens,
        stop=parse_stops(stop_sequences),
        seed=seed,
        images=images,
        messages=tuple(messages or ()),
        logprobs=logprobs,
        adapter=adapter,
    )
