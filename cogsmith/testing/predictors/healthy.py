"""A healthcheck that does as it was told: ok, false, raise, exit or hang."""

import sys
import time

from cog import BasePredictor


class Predictor(BasePredictor):
    def setup(self) -> None:
        self.how = "ok"

    def healthcheck(self) -> bool:
        if self.how == "raise":
            raise RuntimeError("the GPU fell off")
        if self.how == "exit":
            sys.exit(1)
        if self.how == "hang":
            time.sleep(600)
        return self.how == "ok"

    def predict(self, how: str) -> str:
        self.how = how
        return how
