"""The four predictors with BentoML; answers in Cog's form."""
# ruff: noqa: D101, D102

import asyncio
import json
import time
from typing import Any, AsyncGenerator, Generator  # noqa: UP035 - BentoML reads these

import bentoml


def event(number: int) -> str:
    chunk = json.dumps({"chunk": f"token{number} ", "index": number})
    return f"event: output\ndata: {chunk}\n\n"


@bentoml.service(traffic={"timeout": 60}, logging={"access": {"enabled": False}})
class Work:
    @bentoml.api
    async def async_echo(self, input: dict[str, Any]) -> dict[str, str]:  # noqa: A002
        return {"status": "succeeded", "output": "hello " + input["text"]}

    @bentoml.api
    def sync_echo(self, input: dict[str, Any]) -> dict[str, str]:  # noqa: A002
        return {"status": "succeeded", "output": "hello " + input["text"]}

    @bentoml.api
    async def async_stream(self, input: dict[str, Any]) -> AsyncGenerator[str, None]:  # noqa: A002
        for number in range(input["count"]):
            if input.get("pause"):
                await asyncio.sleep(input["pause"])
            yield event(number)

    @bentoml.api
    def sync_stream(self, input: dict[str, Any]) -> Generator[str, None, None]:  # noqa: A002
        for number in range(input["count"]):
            if input.get("pause"):
                time.sleep(input["pause"])
            yield event(number)
