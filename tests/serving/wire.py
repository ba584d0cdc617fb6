"""A server in this process, raw bytes to it, and its answers taken apart."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httptools
import uvloop

from cogsmith.runtime.server.http import EVENTS, Exchange, Gate, Handler, Server
from cogsmith.runtime.server.limits import Limits

PATIENCE = 20.0  # seconds; only a server that hangs ever gets there


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """A scenario on the loop that we ship."""
    loop = uvloop.new_event_loop()
    wrong: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: wrong.append(context))
    try:
        loop.run_until_complete(asyncio.wait_for(_awaited(scenario()), PATIENCE))
    finally:
        loop.close()
    assert not wrong, "something was raised out of the protocol"


async def _awaited(one: Awaitable[None]) -> None:
    await one


@asynccontextmanager
async def serving(
    handler: Handler, limits: Limits | None = None, gate: Gate | None = None
) -> AsyncIterator[tuple[Server, int]]:
    """A server, and its port."""
    server = Server(handler, limits or Limits(), gate)
    port = await server.listen("127.0.0.1", 0)
    try:
        yield server, port
    finally:
        await server.close()
        assert server.connections == 0


@dataclass
class Answer:
    """One answer of a server."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _Answers:
    """A parser of answers that follow each other."""

    def __init__(self, answers: list[Answer]) -> None:
        self.answers = answers
        self.parser = httptools.HttpResponseParser(self)

    def on_message_begin(self) -> None:
        self.answers.append(Answer())

    def on_header(self, name: bytes, value: bytes) -> None:
        self.answers[-1].headers[name.decode().lower()] = value.decode()

    def on_headers_complete(self) -> None:
        self.answers[-1].status = self.parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.answers[-1].body += body

    def on_message_complete(self) -> None:
        self.answers[-1].whole = True


def answers(data: bytes) -> list[Answer]:
    """What a server has sent, taken apart."""
    found: list[Answer] = []
    if data:
        _Answers(found).parser.feed_data(data)
    return found


async def send(port: int, *pieces: bytes, pause: float = 0.0, half: bool = False) -> bytes:
    """Send, and read until the server closes. The last request should say so."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        if half:
            writer.write_eof()
        return await reader.read()
    finally:
        writer.close()


async def ask(port: int, *pieces: bytes, pause: float = 0.0) -> list[Answer]:
    """The same, taken apart."""
    return answers(await send(port, *pieces, pause=pause))


def request(
    path: str = "/", *headers: str, method: str = "GET", body: bytes = b"", last: bool = True
) -> bytes:
    """A request, the last one on its connection unless told otherwise."""
    lines = [f"{method} {path} HTTP/1.1", "Host: here", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    if last:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode() + body


def told(exchange: Exchange) -> bytes:
    """What arrived, as JSON."""
    known = {name.decode(): value.decode("latin-1") for name, value in exchange.headers.items()}
    return json.dumps(
        {
            "method": exchange.method, "path": exchange.path, "query": exchange.query,
            "headers": known, "size": len(exchange.body), "body": exchange.body.decode("latin-1"),
        }
    ).encode()  # fmt: skip


class Site:
    """Answers by path: at once, later, in pieces, never, or with an exception."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gone: list[str] = []
        self.held: list[Exchange] = []
        self.signs: list[str] = []

    def __call__(self, exchange: Exchange) -> None:
        self.asked.append(exchange.path)
        exchange.gone = lambda: self.gone.append(exchange.path)
        first = exchange.path.lstrip("/").split("/")[0]
        getattr(self, f"on_{first}", self.on_echo)(exchange)

    def on_echo(self, exchange: Exchange) -> None:
        exchange.reply(200, told(exchange))

    def on_later(self, exchange: Exchange) -> None:
        asyncio.get_running_loop().call_later(0.005, self.on_echo, exchange)

    def on_held(self, exchange: Exchange) -> None:
        self.held.append(exchange)

    def on_stream(self, exchange: Exchange) -> None:
        exchange.full = lambda: self.signs.append("full")
        exchange.room = lambda: self.signs.append("room")
        exchange.open(200, EVENTS)
        for number in range(3):
            exchange.write(b"%d;" % number)
        exchange.write(b"")
        exchange.end()
        exchange.write(b"after the end")
        exchange.reply(500, b"after the end")
        exchange.end()

    def on_boom(self, exchange: Exchange) -> None:
        raise ValueError("boom")

    def on_midway(self, exchange: Exchange) -> None:
        exchange.open(200, EVENTS)
        exchange.write(b"begun")
        raise ValueError("boom")

    def on_large(self, exchange: Exchange) -> None:
        exchange.reply(200, bytes(1_000_000))
