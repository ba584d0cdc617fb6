from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self, iterations: int, prompt: str = "default prompt", rate: float = 2) -> str:
        return prompt
