"""A language model from the hub, or from a folder, that answers prompts token by token.

Which one is data: MODEL_ID in cog.yaml. The model's own chat template is used.
"""

from __future__ import annotations

import os
from contextlib import aclosing

from cog import AsyncConcatenateIterator, BasePredictor, Input, Path, concurrent, streaming

from cogsmith.engine import Sampling, TextRequest, load, parse_stops


class Predictor(BasePredictor):
    """Answers a prompt."""

    async def setup(self, weights: Path | str | None = None) -> None:
        """Load the weights given, or what MODEL_ID names."""
        source, _, revision = str(weights or os.environ["MODEL_ID"]).partition("@")
        self.model = await load(source, revision=revision or None)

    @streaming
    @concurrent(max=8)
    async def predict(
        self,
        prompt: str = Input(description="What the model is to answer or to go on with."),
        system_prompt: str | None = Input(
            description="How the model is to behave, told to it before the prompt.", default=None
        ),
        max_tokens: int = Input(description="The most tokens to answer with.", default=512, ge=1),
        temperature: float = Input(
            description="How freely to draw the next token; 0 takes the likeliest.",
            default=0.7,
            ge=0.0,
            le=5.0,
        ),
        top_p: float = Input(
            description="Draw from the fewest tokens whose probabilities add up to this.",
            default=0.95,
            ge=0.01,
            le=1.0,
        ),
        top_k: int = Input(
            description="Draw from this many of the likeliest tokens; 0: all.", default=50, ge=0
        ),
        stop_sequences: str | None = Input(
            description="Texts that end the answer, separated by commas.", default=None
        ),
        seed: int | None = Input(
            description="The same seed gives the same answer; left out, one is drawn.",
            default=None,
            ge=0,
        ),
    ) -> AsyncConcatenateIterator[str]:
        """Stream the answer's text as it is made."""
        request = TextRequest(
            prompt=prompt,
            system_prompt=system_prompt,
            max_tokens=max_tokens,
            sampling=Sampling(temperature=temperature, top_p=top_p, top_k=top_k),
            stop=parse_stops(stop_sequences),
            seed=seed,
        )
        stream = self.model.stream(request, record=self.record_metric)
        print(f"seed: {stream.report.seed}")
        async with aclosing(stream) as texts:
            async for text in texts:
                yield text
