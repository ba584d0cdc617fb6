from cog import BaseModel, BasePredictor


class Shared(BaseModel):
    text: str
    score: float


class Output(Shared):
    score: int
    extra: bool


class Predictor(BasePredictor):
    def predict(self) -> "Output":
        return Output()
