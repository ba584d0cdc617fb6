"""Makes tokens, one stream at a time; ``pause`` seconds before each, or as fast as can be."""
# ruff: noqa: D101, D102

import time

from cog import BasePredictor, ConcatenateIterator, streaming


class Predictor(BasePredictor):
    @streaming
    def predict(self, count: int, pause: float = 0.0) -> ConcatenateIterator[str]:
        for number in range(count):
            if pause:
                time.sleep(pause)
            yield f"token{number} "
