"""The smallest model: what is made once in setup(), and used by every prediction."""

from cog import BasePredictor, Input


class Predictor(BasePredictor):
    def setup(self) -> None:
        self.greeting = "hello"

    def predict(self, text: str = Input(description="Who is greeted")) -> str:
        return f"{self.greeting} {text}"
