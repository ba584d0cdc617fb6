"""Gives back values of every kind, chosen by name."""

import datetime
import enum
import pathlib
from dataclasses import dataclass
from typing import Any

from cog import BaseModel, BasePredictor


class Result(BaseModel):
    text: str
    score: float | None = None


class Color(enum.Enum):
    RED = "red"


@dataclass
class Plain:
    number: int


class Duck:
    """As pydantic's models and numpy's values are known: by what they can do."""

    def __init__(self, value: Any, method: str) -> None:
        setattr(self, method, lambda: value)


class Node(dict):
    """Can hold itself."""


def circle() -> Node:
    node = Node()
    node["self"] = node
    return node


VALUES: dict[str, Any] = {
    "model": Result(text="a", score=0.5),
    "nested": {"results": [Result(text="b"), (Color.RED, Plain(1))]},
    "set": {"one"},
    "time": datetime.datetime(2026, 1, 2, 3, 4, 5),
    "pydantic2": Duck({"a": Color.RED}, "model_dump"),
    "pydantic1": Duck({"a": 1}, "dict"),
    "array": Duck([[1.5, 2.5]], "tolist"),
    "scalar": Duck(7, "item"),
    "none": None,
    "huge": 2**70,
    "surrogate": "half \ud83d",
    "nan": {"scores": [1.0, float("nan")]},
    "bytes": [b"raw"],
    "object": {"a": {"b": object()}},
    "key": {(1, 2): 3},
    "circle": circle(),
    "missing": pathlib.Path("/nowhere/at/all.txt"),
}


class Predictor(BasePredictor):
    def predict(self, name: str) -> Any:
        return VALUES[name]
