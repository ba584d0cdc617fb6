from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self) -> float:
        return float()
