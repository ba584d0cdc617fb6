from cog import BasePredictor, Input


class Predictor(BasePredictor):
    def predict(
        self,
        text: str,
        count: int,
        ratio: float,
        flag: bool = Input(default=False),
        limited: int = Input(description="A limited number", default=3, ge=1, le=10),
        scale: float = Input(description="Factor to scale by", default=1.5, ge=1.0, le=10.0),
        short: str = Input(default="abc", min_length=1, max_length=5, regex="[a-z]+"),
    ) -> str:
        return text
