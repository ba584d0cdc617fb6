"""Makes tokens slowly, many streams at once, and may fail in the end."""
# ruff: noqa: D101, D102

import asyncio

from cog import AsyncConcatenateIterator, BasePredictor, concurrent, streaming


class Predictor(BasePredictor):
    @streaming
    @concurrent(max=8)
    async def predict(
        self, count: int, pause: float, fail: bool = False
    ) -> AsyncConcatenateIterator[str]:
        for number in range(count):
            await asyncio.sleep(pause)
            yield f"token{number} "
        print("made", count)
        if fail:
            raise ValueError("as asked")
