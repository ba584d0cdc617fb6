from cog import BaseModel, Input, Path


class TrainingOutput(BaseModel):
    weights: Path


def train(
    train_data: Path = Input(description="Data to learn from"),
    epochs: int = Input(default=3, ge=1),
    size: str = Input(choices=["small", "large"], default="small"),
) -> TrainingOutput:
    return TrainingOutput(weights=train_data)


class Trainer:
    def setup(self) -> None:
        pass

    def train(self, n: int) -> str:
        return "x" * n
