from cog import BaseModel

from .shared import Text


class Result(BaseModel):
    answer: Text
    tokens: int
