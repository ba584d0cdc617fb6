"""Counts, many streams at once. ``seconds`` of 0 never waits between two chunks."""

import asyncio

from cog import AsyncConcatenateIterator, BasePredictor, concurrent, streaming


class Predictor(BasePredictor):
    @streaming
    @concurrent(max=64)
    async def predict(self, count: int = 3, seconds: float = 0.0) -> AsyncConcatenateIterator[str]:
        for number in range(count):
            if seconds:
                await asyncio.sleep(seconds)
            yield f"{number} "
