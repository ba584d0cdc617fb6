"""Mistral and Mixtral as a predictor: the dense model and its mixture of experts.

Their instruct checkpoints know no system role: the engine puts a system prompt in front of the
user's words, in the same turn. Which of the two it is, and its size, is data: ``MODEL_ID`` in
cog.mistral.yaml and cog.mixtral.yaml.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from cog import AsyncConcatenateIterator, BasePredictor, Path, concurrent, streaming

from predictors import inputs
from predictors.model import Model
from predictors.request import text_request


class Predictor(BasePredictor):
    """Answers a prompt, or goes on with it, token by token."""

    async def setup(self, weights: Path | str | None = None) -> None:
        """Load the weights given, or the checkpoint that MODEL_ID names."""
        self.model = await Model.load(weights)

    @streaming
    @concurrent(max=32)
    async def predict(
        self,
        prompt: str = inputs.PROMPT_OR_MESSAGES,
        system_prompt: str | None = inputs.SYSTEM_PROMPT,
        max_tokens: int | None = inputs.MAX_TOKENS,
        max_new_tokens: int | None = inputs.MAX_NEW_TOKENS,
        min_tokens: int = inputs.MIN_TOKENS,
        temperature: float = inputs.TEMPERATURE,
        top_p: float = inputs.TOP_P,
        top_k: int = inputs.TOP_K,
        repetition_penalty: float = inputs.REPETITION_PENALTY,
        presence_penalty: float = inputs.PRESENCE_PENALTY,
        frequency_penalty: float = inputs.FREQUENCY_PENALTY,
        stop_sequences: str | None = inputs.STOP_SEQUENCES,
        seed: int | None = inputs.SEED,
        prompt_template: str | None = inputs.PROMPT_TEMPLATE,
        messages: list[dict[str, Any]] | None = inputs.MESSAGES,
        logprobs: int | None = inputs.LOGPROBS,
        adapter: str | None = inputs.ADAPTER,
        adapter_file: Path | None = inputs.ADAPTER_FILE,
    ) -> AsyncConcatenateIterator[str]:
        """Stream the answer's text as it is made."""
        request = text_request(
            prompt=prompt,
            system_prompt=system_prompt,
            max_tokens=max_tokens,
            max_new_tokens=max_new_tokens,
            min_tokens=min_tokens,
            temperature=temperature,
            top_p=top_p,
            top_k=top_k,
            repetition_penalty=repetition_penalty,
            presence_penalty=presence_penalty,
            frequency_penalty=frequency_penalty,
            stop_sequences=stop_sequences,
            seed=seed,
            prompt_template=prompt_template,
            messages=messages,
            logprobs=logprobs,
            adapter=self.model.adapter(adapter, adapter_file),
        )
        async with aclosing(self.model.answer(request, record=self.record_metric)) as texts:
            async for text in texts:
                yield text
