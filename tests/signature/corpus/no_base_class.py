from cog import Input


class Predictor:
    def predict(self, text: str = Input(default="hello")) -> str:
        return text
