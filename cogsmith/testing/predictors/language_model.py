"""A language model without weights: says SAYS, a byte each PACE seconds, whatever it is asked."""

import os
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from cog import AsyncConcatenateIterator, BasePredictor, Input, concurrent, streaming

from cogsmith.engine import Sampling, TextRequest, parse_stops, scripted_model


class Predictor(BasePredictor):
    def setup(self) -> None:
        says, pace = os.environ.get("SAYS", "Hello, world."), os.environ.get("PACE", "0")
        self.model = scripted_model(says, delay=float(pace))

    @streaming
    @concurrent(max=4)
    async def predict(  # noqa: PLR0913 - its parameters are its API
        self,
        prompt: str = "",
        messages: list[dict[str, Any]] | None = None,
        max_tokens: int = Input(default=64, ge=1, le=4096),
        temperature: float = Input(default=0.7, ge=0.0, le=5.0),
        stop_sequences: str | None = None,
        seed: int | None = Input(default=None, ge=0),
        logprobs: int | None = Input(default=None, ge=0, le=5),
        prompt_template: str | None = None,
    ) -> AsyncConcatenateIterator[str]:
        request = TextRequest(
            prompt=prompt, messages=tuple(messages or ()), max_tokens=max_tokens, seed=seed,
            sampling=Sampling(temperature=temperature), stop=parse_stops(stop_sequences),
            logprobs=logprobs, prompt_template=prompt_template,
        )  # fmt: skip
        record: Callable[..., None] = self.record_metric
        async with aclosing(self.model.stream(request, record=record)) as texts:
            async for text in texts:
                yield text
