from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self, maybe: str | int | None = None, table: dict | list[dict] | None = None) -> str:
        return str(maybe)
