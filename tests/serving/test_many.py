"""A thousand predictions, and clients that change their minds: each one ends exactly once."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass, field

from tests.prediction.receiver import Receiver
from tests.serving.conftest import Serve
from tests.serving.server import PATIENCE, Server, until

AT_ONCE = 100
LAST = {"succeeded", "canceled"}


@dataclass
class Crowd:
    """Clients of one server, on raw sockets; ``found`` counts what became of them."""

    server: Server
    dice: random.Random
    count: int
    found: Counter[str] = field(default_factory=Counter)
    ended: dict[str, str] = field(default_factory=dict)

    async def client(self, name: str) -> None:
        """Ask for one prediction in one of the ways there are, and perhaps take it back."""
        stream, leaves, cancels = (self.dice.random() < p for p in (0.5, 0.2, 0.3))
        inputs = {"count": self.dice.randrange(20), "seconds": self.dice.choice([0, 0.001, 0.01])}
        body = json.dumps({"id": name, "input": inputs}).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        try:
            accept = "text/event-stream" if stream else "application/json"
            await send(writer, "POST", "/predictions", body, f"accept: {accept}\r\n")
            if leaves or cancels:
                await asyncio.sleep(self.dice.random() * 0.05)
            if leaves:
                self.found["left"] += 1
                return
            if cancels:
                self.found[f"cancel {await self.cancel(name)}"] += 1
            self.take(name, await reader.read())
        finally:
            writer.close()

    async def cancel(self, name: str) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        await send(writer, "POST", f"/predictions/{name}/cancel", b"")
        answer = await reader.read()
        writer.close()
        return int(answer.split()[1])

    def take(self, name: str, answer: bytes) -> None:
        """One whole answer: one reply, or a stream with one end."""
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        if b"text/event-stream" in head:
            assert body.count(b"event: completed\n") == 1
            assert body.endswith(b"\r\n0\r\n\r\n")
            body = body.partition(b"event: completed\ndata: ")[2].partition(b"\n")[0]
        reply = json.loads(body)
        assert reply["id"] == name
        assert name not in self.ended
        self.ended[name] = reply["status"]
        self.found[reply["status"]] += 1

    async def run(self) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            async with gate:
                await asyncio.wait_for(self.client(f"p{number}"), PATIENCE)

        await asyncio.gather(*map(one, range(self.count)))


async def send(
    writer: asyncio.StreamWriter, method: str, path: str, body: bytes, more: str = ""
) -> None:
    head = f"{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{more}"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


def states(server: Server, count: int) -> dict[str, str]:
    """What each prediction that is known came to, once nothing is underway any more."""

    def look() -> dict[str, str]:
        found = [server.state(f"p{number}") for number in range(count)]
        told = {state["id"]: state["status"] for state in found if state}
        return told if set(told.values()) <= LAST else {}

    return until(look)


def check(server: Server, crowd: Crowd) -> None:
    """Each client that stayed got one end, and the server tells the same one."""
    asyncio.run(crowd.run())
    known = states(server, crowd.count)
    assert len(crowd.ended) + crowd.found["left"] == crowd.count
    assert set(crowd.ended.values()) == LAST
    assert crowd.found["cancel 200"] >= crowd.found["canceled"] > 0
    assert {name: known[name] for name in crowd.ended} == crowd.ended
    assert server.health()["status"] == "READY"


def test_a_thousand_predictions_with_random_cancels_lose_none(fresh: Serve) -> None:
    server = fresh("async_stream", COGSMITH_QUEUE="1000")
    check(server, Crowd(server, random.Random(1), 1000))


def test_a_sync_predictor_with_random_cancels_loses_none(fresh: Serve) -> None:
    server = fresh("sync_stream", COGSMITH_QUEUE="1000", COGSMITH_WORKERS="2")
    check(server, Crowd(server, random.Random(2), 200))


def test_each_of_many_webhooks_tells_one_end(fresh: Serve, receiver: Receiver) -> None:
    server = fresh("async_stream", COGSMITH_QUEUE="1000")
    dice = random.Random(3)
    wanted = {"webhook": receiver.url, "webhook_events_filter": ["completed"]}
    for number in range(200):
        server.begin(f"p{number}", {"count": 5, "seconds": 0.01}, **wanted)
        if dice.random() < 0.5:
            server.cancel(f"p{dice.randrange(number + 1)}")
    known = states(server, 200)
    until(lambda: len(receiver.seen) >= 200)
    told = [json.loads(body) for body in receiver.bodies]
    assert len(told) == 200
    assert {body["id"]: body["status"] for body in told} == known
