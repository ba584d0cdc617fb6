"""Streams ``after`` chunks, then raises."""

from collections.abc import AsyncIterator

from cog import BasePredictor, streaming


class Predictor(BasePredictor):
    @streaming
    async def predict(self, after: int = 1) -> AsyncIterator[int]:
        for number in range(after):
            yield number
        raise RuntimeError("hiccup")
