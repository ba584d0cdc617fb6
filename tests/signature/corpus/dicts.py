from typing import Any, Dict, TypedDict

from cog import BasePredictor


class Payload(TypedDict):
    name: str
    count: int


class Predictor(BasePredictor):
    def predict(
        self,
        data: dict,
        typed: Dict[str, Any],
        counts: dict[str, int],
        anything: Any,
        payload: Payload,
        several: list[Payload] | None = None,
        empty: dict = {},
    ) -> str:
        return str(data)
