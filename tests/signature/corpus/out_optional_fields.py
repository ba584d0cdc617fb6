from typing import Optional

from cog import BaseModel, BasePredictor, Path


class Output(BaseModel):
    score: Optional[float]
    file: Optional[Path]
    top_words: list[str]
    lines: list[str] | None
    table: dict
    anything: "str | None"


class Predictor(BasePredictor):
    def predict(self) -> Output:
        return Output()
