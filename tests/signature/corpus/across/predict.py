from cog import Input
from models import Result as Output
from models.shared import *
from parts import limits
from parts.limits import SIZES as CHOICES

import parts.base


class Predictor(parts.base.Shared):
    def predict(
        self,
        prompt: Text,
        size: str = Input(choices=list(CHOICES), default=limits.DEFAULT),
        steps: int = limits.STEPS,
    ) -> Output:
        return Output()
