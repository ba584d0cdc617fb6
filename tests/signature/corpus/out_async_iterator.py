from typing import AsyncIterator

from cog import BasePredictor


class Predictor(BasePredictor):
    async def predict(self) -> AsyncIterator[float]:
        yield 0.5
