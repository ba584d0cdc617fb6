"""Raises, after ``after`` chunks."""

from collections.abc import Iterator

from cog import BasePredictor


class Trouble(Exception):
    """The author's own kind of error."""


def deep(words: str) -> None:
    raise Trouble(words)


class Predictor(BasePredictor):
    def predict(self, words: str = "boom", after: int = 0) -> Iterator[str]:
        for number in range(after):
            yield str(number)
        print("about to fail")
        deep(words)
