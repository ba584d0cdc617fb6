"""Takes its time, many at once, and tells how it was woken."""

import asyncio

from cog import BasePredictor, concurrent


class Predictor(BasePredictor):
    @concurrent(max=64)
    async def predict(self, seconds: float = 60.0) -> str:
        try:
            print("asleep")
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)  # cleaning up may wait, too
            print("woken")
            raise
        return "rested"
