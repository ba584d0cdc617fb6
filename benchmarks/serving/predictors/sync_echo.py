"""Gives back what it gets, once at a time."""
# ruff: noqa: D101, D102

from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self, text: str) -> str:
        return "hello " + text
