"""Takes its time, and tells how it was woken."""

import time

from cog import BasePredictor, CancelationException


class Predictor(BasePredictor):
    def predict(self, seconds: float = 60.0, stubborn: bool = False) -> str:
        try:
            print("asleep")
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                time.sleep(deadline - time.monotonic())
        except CancelationException:
            print("woken")
            if not stubborn:
                raise
        return "rested"
