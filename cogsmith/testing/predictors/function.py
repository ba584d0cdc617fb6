"""Plain functions: one that predicts, one that trains."""

from cog import BaseModel


class TrainingOutput(BaseModel):
    weights: str


def predict(text: str = "") -> str:
    return text.title()


def train(steps: int = 1) -> TrainingOutput:
    print(f"{steps} steps")
    return TrainingOutput(weights="trained.safetensors")
