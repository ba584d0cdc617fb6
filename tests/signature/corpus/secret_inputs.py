from typing import Optional

from cog import BasePredictor, Input, Secret


class Predictor(BasePredictor):
    def predict(
        self,
        api_token: Secret,
        backup: Optional[Secret] = Input(default=None, description="A second token"),
    ) -> str:
        return "ok"
