import functools

import cog
from cog import AsyncConcatenateIterator, BasePredictor, concurrent, streaming

LIMIT = 2 * 4


class Predictor(BasePredictor):
    async def setup(self) -> None:
        pass

    @streaming
    @concurrent(max=LIMIT)
    async def predict(self, prompt: str) -> AsyncConcatenateIterator[str]:
        yield prompt
