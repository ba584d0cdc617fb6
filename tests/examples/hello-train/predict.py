"""What a training has made comes back as the weights that setup() gets (COG_WEIGHTS)."""

from cog import BasePredictor, Input, Path


class Predictor(BasePredictor):
    def setup(self, weights: Path | None = None) -> None:
        self.greeting = "hello"
        if weights:  # Cog gives the text of COG_WEIGHTS, whatever is declared
            self.greeting = Path(weights).read_text("utf-8")

    def predict(self, text: str = Input(description="Who is greeted")) -> str:
        return f"{self.greeting} {text}"
