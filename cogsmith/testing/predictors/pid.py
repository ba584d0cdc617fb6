"""Tells which process it is, after ``seconds``."""

import os
import time

from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self, seconds: float = 0.0) -> int:
        time.sleep(seconds)
        return os.getpid()
