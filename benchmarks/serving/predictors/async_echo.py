"""Gives back what it gets, many times at once."""
# ruff: noqa: D101, D102

from cog import BasePredictor, concurrent


class Predictor(BasePredictor):
    @concurrent(max=64)
    async def predict(self, text: str) -> str:
        return "hello " + text
