"""Streams as fast as it can: ``count`` chunks of ``size`` characters that begin with a number."""

from collections.abc import Iterator

from cog import BasePredictor, streaming


class Predictor(BasePredictor):
    @streaming
    def predict(self, count: int = 1000, size: int = 8) -> Iterator[str]:
        for number in range(count):
            yield f"{number} ".ljust(size, ".")
