"""Never gets ready: HOW says whether setup() raises, leaves, dies or does not end."""

import os
import sys
import time

from cog import BasePredictor


class Predictor(BasePredictor):
    def setup(self) -> None:
        print("loading weights")
        how = os.environ.get("HOW", "raise")
        if how == "raise":
            raise RuntimeError("no weights")
        if how == "exit":
            sys.exit(4)
        if how == "die":
            os._exit(5)
        time.sleep(600)

    def predict(self) -> str:
        return "never"
