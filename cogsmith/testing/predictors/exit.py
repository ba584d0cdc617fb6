"""Leaves: with sys.exit(), which a worker survives, or with os._exit(), which it cannot."""

import os
import sys

from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self, code: int = 3, at_once: bool = False) -> str:
        if at_once:
            os._exit(code)
        sys.exit(code)
