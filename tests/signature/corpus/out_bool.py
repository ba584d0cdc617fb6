from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self) -> bool:
        return bool()
