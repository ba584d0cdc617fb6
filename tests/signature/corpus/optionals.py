from typing import Optional, Union

from cog import BasePredictor, Input, Path


class Predictor(BasePredictor):
    def predict(
        self,
        prompt: Optional[str] = Input(description="prompt"),
        image: Path | None = Input(description="Test image", default=None),
        seed: Union[int, None] = None,
        names: Optional[list[str]] = None,
        files: list[Path] | None = Input(default=None),
        table: dict | None = None,
        tables: Optional[list[dict]] = None,
    ) -> str:
        return ""
