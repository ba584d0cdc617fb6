from cog import BaseModel, BasePredictor, File


class Output(BaseModel):
    file: File
    text: str


class Predictor(BasePredictor):
    def predict(self) -> Output:
        return Output(text="hello", file=None)
