from typing import Iterator, Optional

from cog import BaseModel, BasePredictor, Path


class Inner(BaseModel):
    value: int
    image: Path


class Outer(BaseModel):
    inner: Inner
    many: list[Inner]
    by_name: dict[str, list[int]]
    child: Optional["Outer"] = None
    kind: str = "plain"


class Predictor(BasePredictor):
    def predict(self) -> Iterator[Outer]:
        yield Outer()
