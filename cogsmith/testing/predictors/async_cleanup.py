"""Async generators that clean up when they are canceled, at a yield or at an await."""

import asyncio
from collections.abc import AsyncIterator

from cog import BasePredictor, concurrent


class Predictor(BasePredictor):
    def setup(self) -> None:
        self.cleaned = 0

    @concurrent(max=64)
    async def predict(self, seconds: float = 0.0, ask: bool = False) -> AsyncIterator[int]:
        if ask:
            yield self.cleaned
            return
        number = 0
        try:
            while True:
                if seconds:
                    await asyncio.sleep(seconds)
                yield number
                number += 1
        except asyncio.CancelledError:
            self.cleaned += 1
            raise
