from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self) -> dict[str, list[dict[str, int]]]:
        return {}
