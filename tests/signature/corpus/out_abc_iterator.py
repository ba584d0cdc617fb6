from collections.abc import Iterator

from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self, count: int) -> Iterator[int]:
        yield from range(count)
