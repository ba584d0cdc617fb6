"""Streams, and between two chunks prints and records metrics."""

import time
from collections.abc import Iterator

from cog import BasePredictor, streaming


class Predictor(BasePredictor):
    @streaming
    def predict(self, count: int = 2, seconds: float = 0.0) -> Iterator[str]:
        for number in range(count):
            print(f"making {number}")
            yield f"chunk-{number}"
            self.record_metric("chunks", 1, mode="incr")
            time.sleep(seconds)
        self.record_metric("tags", "done", mode="append")
        self.record_metric("timing.count", count)
