from typing import Optional, Union

from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(
        self,
        value: str | float,
        number: Union[int, float] = 1,
        messages: str | list[dict] = "hi",
        either: list[int] | list[str] = [1],
    ) -> str:
        return str(value)
