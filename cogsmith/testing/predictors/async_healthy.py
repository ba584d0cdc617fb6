"""An async healthcheck: ok, false or exit."""

import asyncio
import sys

from cog import BasePredictor


class Predictor(BasePredictor):
    def setup(self) -> None:
        self.how = "ok"

    async def healthcheck(self) -> bool:
        await asyncio.sleep(0)
        if self.how == "exit":
            sys.exit(1)
        return self.how == "ok"

    async def predict(self, how: str) -> str:
        self.how = how
        return how
