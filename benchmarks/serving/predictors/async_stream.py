"""Makes tokens, many streams at once; ``pause`` seconds before each, or as fast as can be."""
# ruff: noqa: D101, D102

import asyncio

from cog import AsyncConcatenateIterator, BasePredictor, concurrent, streaming


class Predictor(BasePredictor):
    @streaming
    @concurrent(max=64)
    async def predict(self, count: int, pause: float = 0.0) -> AsyncConcatenateIterator[str]:
        for number in range(count):
            if pause:
                await asyncio.sleep(pause)
            yield f"token{number} "
