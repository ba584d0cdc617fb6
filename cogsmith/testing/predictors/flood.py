"""Streams as fast as it can: ``count`` chunks of ``size`` characters that begin with a number."""

from collections.abc import AsyncIterator

from cog import BasePredictor, concurrent, streaming


class Predictor(BasePredictor):
    @streaming
    @concurrent(max=64)
    async def predict(self, count: int = 1000, size: int = 8) -> AsyncIterator[str]:
        for number in range(count):
            yield f"{number} ".ljust(size, ".")
