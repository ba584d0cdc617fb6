"""A training: its weights are a file."""

from pathlib import Path as File
from tempfile import mkdtemp

from cog import BaseModel, Input, Path


class TrainingOutput(BaseModel):
    weights: Path


def train(prefix: str = Input(description="The greeting that is learned")) -> TrainingOutput:
    weights = File(mkdtemp()) / "greeting.txt"
    weights.write_text(prefix, "utf-8")
    return TrainingOutput(weights=Path(weights))
