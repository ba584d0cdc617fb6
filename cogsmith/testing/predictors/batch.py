"""Tells how many predictions ran in the same call; ``fail`` fails one of them alone."""

import time

from cog import BasePredictor


class Predictor(BasePredictor):
    max_batch_size = 4
    max_batch_wait = 0.2

    def predict(self, text: str = "", seconds: float = 0.0, fail: bool = False) -> str:
        return self.predict_batch([{"text": text, "seconds": seconds, "fail": fail}])[0]

    def predict_batch(self, inputs: list[dict]) -> list[str]:
        time.sleep(max(one.get("seconds", 0) for one in inputs))
        return [
            ValueError(one["text"]) if one.get("fail") else f"{one['text']} of {len(inputs)}"
            for one in inputs
        ]
