from cog import BasePredictor, Path


class Predictor(BasePredictor):
    def predict(self) -> list[Path]:
        return []
