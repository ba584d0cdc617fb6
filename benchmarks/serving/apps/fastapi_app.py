"""The four predictors as one writes them by hand, with FastAPI: answers in Cog's form."""
# ruff: noqa: D101

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

app = FastAPI()


class Text(BaseModel):
    text: str


class Echo(BaseModel):
    input: Text


class Tokens(BaseModel):
    count: int
    pause: float = 0.0


class Stream(BaseModel):
    input: Tokens


def event(number: int) -> str:
    chunk = json.dumps({"chunk": f"token{number} ", "index": number})
    return f"event: output\ndata: {chunk}\n\n"


@app.post("/async_echo")
async def async_echo(asked: Echo) -> dict[str, str]:
    return {"status": "succeeded", "output": "hello " + asked.input.text}


@app.post("/sync_echo")
def sync_echo(asked: Echo) -> dict[str, str]:
    return {"status": "succeeded", "output": "hello " + asked.input.text}


@app.post("/async_stream")
async def async_stream(asked: Stream) -> StreamingResponse:
    async def events() -> AsyncIterator[str]:
        for number in range(asked.input.count):
            if asked.input.pause:
                await asyncio.sleep(asked.input.pause)
            yield event(number)

    return StreamingResponse(events(), media_type="text/event-stream")


@app.post("/sync_stream")
def sync_stream(asked: Stream) -> StreamingResponse:
    def events() -> Iterator[str]:
        for number in range(asked.input.count):
            if asked.input.pause:
                time.sleep(asked.input.pause)
            yield event(number)

    return StreamingResponse(events(), media_type="text/event-stream")
