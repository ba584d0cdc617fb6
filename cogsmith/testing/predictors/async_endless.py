"""Streams until it is canceled, many times at once, and says that it was."""

import asyncio
from collections.abc import AsyncIterator

from cog import BasePredictor, concurrent, streaming


class Predictor(BasePredictor):
    @streaming
    @concurrent(max=64)
    async def predict(self, seconds: float = 0.01) -> AsyncIterator[int]:
        number = 0
        try:
            while True:
                yield number
                number += 1
                await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            print("woken")
            raise
