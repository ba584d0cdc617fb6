"""Generators that clean up when they are canceled, at a yield or between two."""

import time
from collections.abc import Iterator

from cog import BasePredictor, CancelationException


class Predictor(BasePredictor):
    def setup(self) -> None:
        self.cleaned = 0

    def predict(self, seconds: float = 0.0, ask: bool = False) -> Iterator[int]:
        if ask:
            yield self.cleaned
            return
        number = 0
        try:
            while True:
                time.sleep(seconds)
                yield number
                number += 1
        except CancelationException:
            self.cleaned += 1
            raise
