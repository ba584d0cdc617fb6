"""An async setup() whose background task lives on beside the predictions."""

import asyncio

from cog import BasePredictor


class Predictor(BasePredictor):
    async def setup(self) -> None:
        self.questions: asyncio.Queue[tuple[str, asyncio.Future[str]]] = asyncio.Queue()
        self.task = asyncio.create_task(self.answer())

    async def answer(self) -> None:
        while True:
            question, answer = await self.questions.get()
            answer.set_result(question.upper())

    async def predict(self, text: str) -> str:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        await self.questions.put((text, answer))
        return await answer
