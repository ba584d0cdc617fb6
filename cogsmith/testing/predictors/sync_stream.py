"""Counts as a stream: ``0 ``, ``1 ``, ``2 `` …, a chunk at a time, in a sync predictor."""

import time

from cog import BasePredictor, ConcatenateIterator, streaming


class Predictor(BasePredictor):
    @streaming
    def predict(self, count: int = 3, seconds: float = 0.0) -> ConcatenateIterator[str]:
        for number in range(count):
            if seconds:
                time.sleep(seconds)
            yield f"{number} "
