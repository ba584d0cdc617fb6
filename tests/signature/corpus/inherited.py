from cog import BasePredictor, Input


class Shared(BasePredictor):
    def setup(self, weights):
        pass

    def healthcheck(self) -> bool:
        return True

    def predict(self, text: str = Input(default="shared")) -> str:
        return text


class Predictor(Shared):
    pass
