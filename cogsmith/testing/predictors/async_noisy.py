"""Many predictions that print at the same time, in pieces."""

import asyncio

from cog import BasePredictor, concurrent


class Predictor(BasePredictor):
    @concurrent(max=64)
    async def predict(self, name: str, lines: int = 5) -> str:
        for number in range(lines):
            print(name, end=" ")
            await asyncio.sleep(0)
            print(number)
            self.record_metric("lines", 1, mode="incr")
        return name
