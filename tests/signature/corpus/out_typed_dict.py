from typing_extensions import NotRequired, Required, TypedDict

from cog import BasePredictor


class Shared(TypedDict):
    name: str


class Result(Shared, total=False):
    count: int
    score: Required[float]


class Wrapped(TypedDict):
    inner: Result
    note: NotRequired[str]


class Predictor(BasePredictor):
    def predict(self) -> Wrapped:
        return {}
