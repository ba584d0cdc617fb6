"""FLAN-T5 as a predictor: an encoder reads the task, a decoder writes the answer.

The model was trained on tasks put in words ("translate English to German: …"), with no chat and
no system prompt, so that input is not offered; ``prompt_template`` can hold the task's words.
It has no fixed context: the prompt's length is bounded by memory alone.
"""

from __future__ import annotations

from contextlib import aclosing

from cog import AsyncConcatenateIterator, BasePredictor, Path, concurrent, streaming

from predictors import inputs
from predictors.model import Model
from predictors.request import text_request


class Predictor(BasePredictor):
    """Does the task that a prompt puts in words."""

    async def setup(self, weights: Path | str | None = None) -> None:
        """Load the weights given, or the checkpoint that MODEL_ID names."""
        self.model = await Model.load(weights)

    @streaming
    @concurrent(max=8)
    async def predict(
        self,
        prompt: str = inputs.PROMPT,
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
        logprobs: int | None = inputs.LOGPROBS,
    ) -> AsyncConcatenateIterator[str]:
        """Stream the answer's text as it is made."""
        request = text_request(
            prompt=prompt,
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
            logprobs=logprobs,
        )
        async with aclosing(self.model.answer(request, record=self.record_metric)) as texts:
            async for text in texts:
                yield text
