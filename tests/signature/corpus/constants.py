from dataclasses import dataclass

import cog
from cog import BasePredictor
from cog import Input as I

STEPS, SCALE = 50, 7.5
ABOUT = "Number of steps. " + f"{STEPS} is good."
TEMPERATURE = I(description="Temperature", default=0.7, ge=0, le=2)
LIMITS = {"ge": 1, "le": 2**31 - 1}


@dataclass(frozen=True)
class Inputs:
    prompt = I(description="What to say", default="hi")

    @staticmethod
    def guidance(default: float) -> object:
        """One return is enough to follow."""
        return I(description="Guidance scale", ge=0.0, le=20.0, default=default)


class Predictor(BasePredictor):
    DEFAULT = 3

    def predict(
        self,
        prompt: str = Inputs.prompt,
        guidance: float = Inputs.guidance(SCALE),
        steps: int = cog.Input(default=STEPS, description=ABOUT),
        temperature: float = TEMPERATURE,
        seed: int = I(default=STEPS * 2 - 1, **LIMITS),
        own: int = DEFAULT,
        first: str = I("positional", description="The first argument is the default"),
        negative: float = -1.5,
    ) -> str:
        return prompt
