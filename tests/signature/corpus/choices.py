from enum import Enum

from cog import BasePredictor, Input

RATIOS = {"1:1": (1024, 1024), "16:9": (1344, 768)}
BASE = ["fast", "balanced"]
EXTRA = ["quality"]
STEPS = {1: "one", 2: "two", 4: "four"}


class Color(str, Enum):
    RED = "red"
    BLUE = "blue"


class Predictor(BasePredictor):
    def predict(
        self,
        mode: str = Input(choices=BASE + EXTRA, default="fast", description="How hard to try"),
        ratio: str = Input(choices=list(RATIOS.keys()), default="1:1"),
        steps: int = Input(choices=list(STEPS), default=1),
        size: str = Input(choices=[f"{2**n}px" for n in range(3, 6)], default="8px"),
        color: str = Input(choices=[color.value for color in Color], default=Color.RED.value),
        again: str = Input(choices=list(Color), default="blue"),
        ordered: str = Input(choices=sorted({"b", "a", "c"})),
        total: int = Input(choices=[1, 2, 3]),
    ) -> str:
        return mode
