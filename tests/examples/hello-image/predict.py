"""A file of the project as the output."""

from cog import BasePredictor, Path


class Predictor(BasePredictor):
    def predict(self) -> Path:
        return Path("hello.svg")
