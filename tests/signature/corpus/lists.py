from typing import Any, Dict, List

from cog import BasePredictor, Input, Path, Secret


class Predictor(BasePredictor):
    def predict(
        self,
        paths: list[Path],
        names: List[str] = Input(description="Names", default=["a", "b"]),
        numbers: list[int] = Input(default=[1, 2], ge=0, le=9),
        messages: list[dict] = [],
        typed: List[Dict[str, Any]] = [],
        anything: list = [],
        tokens: list[Secret] = Input(default=[]),
    ) -> str:
        return "".join(names)
