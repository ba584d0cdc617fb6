from typing import Optional

from cog import BasePredictor
from pydantic import BaseModel


class Result(BaseModel):
    name: str
    tags: list[str]
    error: Optional[str] = None


class Predictor(BasePredictor):
    def predict(self, x: str) -> Result:
        return Result(name=x, tags=[])
