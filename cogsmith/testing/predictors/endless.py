"""Streams until it is canceled, and says that it was."""

import time
from collections.abc import Iterator

from cog import BasePredictor, CancelationException, streaming


class Predictor(BasePredictor):
    @streaming
    def predict(self, seconds: float = 0.01) -> Iterator[int]:
        number = 0
        try:
            while True:
                yield number
                number += 1
                time.sleep(seconds)
        except CancelationException:
            print("woken")
            raise
