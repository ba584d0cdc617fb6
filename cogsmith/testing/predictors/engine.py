"""Speaks through an engine of Cogsmith's: the one package that it lends to the author's code."""

import importlib

from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self, module: str = "cogsmith.engine") -> str:
        return importlib.import_module(module).__name__
