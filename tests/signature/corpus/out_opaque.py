from typing import Annotated

from cog import BaseModel, BasePredictor, Opaque


class Third:
    pass


class Output(BaseModel):
    result: Annotated[Third, Opaque]
    results: Annotated[list[Third], Opaque]


class Predictor(BasePredictor):
    def predict(self) -> Output:
        return Output()
