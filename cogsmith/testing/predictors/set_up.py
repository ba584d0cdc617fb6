"""Remembers what setup() was given."""

from __future__ import annotations

from cog import BasePredictor, Path


class Predictor(BasePredictor):
    def setup(self, weights: Path | None = None) -> None:
        print("ready in a moment")
        self.weights = weights

    def predict(self) -> str:
        return f"{type(self.weights).__name__} {self.weights}"
