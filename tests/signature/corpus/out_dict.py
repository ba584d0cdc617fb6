from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self) -> dict:
        return {}
