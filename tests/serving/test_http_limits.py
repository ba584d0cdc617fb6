"""What a client may take: bytes, time, connections. Every limit small, so that tests are quick."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from cogsmith.runtime.server.http import Exchange
from cogsmith.runtime.server.limits import Limits
from tests.serving.wire import Site, answers, ask, request, run, send, serving

BRIEF = Limits(request_timeout=0.05, idle_timeout=0.05, send_timeout=0.1)
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def alone(
    site: Callable[[Exchange], None], limits: Limits, *pieces: bytes, pause: float = 0.0
) -> list[Any]:
    """The answers to one client of a server of its own."""
    found: list[Any] = []

    async def scenario() -> None:
        async with serving(site, limits) as (_, port):
            found.extend(await ask(port, *pieces, pause=pause))

    run(scenario)
    return found


@pytest.mark.parametrize("size", [100, 101])
@pytest.mark.parametrize("coding", ["length", "one chunk", "many chunks"])
def test_a_body_up_to_the_limit(size: int, coding: str) -> None:
    site = Site()
    if coding == "length":
        data = request(method="POST", body=b"x" * size, last=False)
    else:
        each = size if coding == "one chunk" else 1
        data = CHUNKED + (b"%x\r\n%b\r\n" % (each, b"x" * each)) * (size // each) + b"0\r\n\r\n"
    found = alone(site, Limits(body=100), data + request("/b"))
    if size == 100:
        assert [answer.json["size"] for answer in found] == [100, 0]
    else:
        assert [answer.status for answer in found] == [413]
        assert found[0].body == Limits(body=100).too_long()
        assert site.asked == []


def test_a_body_that_is_too_long_is_refused_before_it_comes() -> None:
    [answer] = alone(Site(), Limits(body=100), request(method="POST", body=b"x" * 101)[:-101])
    assert answer.status == 413


def test_a_client_that_sends_on_gets_to_read_why() -> None:
    """Closing at once would reset its connection, and the answer with it."""

    async def scenario() -> None:
        async with serving(Site(), Limits(body=100)) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request(method="POST", body=bytes(8_000_000)))
            await writer.drain()
            [answer] = answers(await reader.read())
            assert answer.status == 413
            writer.close()

    run(scenario)


@pytest.mark.parametrize("bytewise", [False, True])
@pytest.mark.parametrize(
    "head",
    [
        request("/" + "a" * 1000),
        request("/", "X: " + "a" * 1000),
        request("/", *[f"X-{number}: a" for number in range(100)]),
        request("/", "X" * 1000 + ": a"),
        request("/", *["X: a"] * 200),
    ],
    ids=["target", "value", "many", "name", "the same one"],
)
def test_a_head_that_is_too_long(head: bytes, bytewise: bool) -> None:
    pieces = [head[i : i + 7] for i in range(0, len(head), 7)] if bytewise else [head]
    site = Site()
    [answer] = alone(site, Limits(head=500), *pieces)
    assert answer.status == 431
    assert site.asked == []


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_a_head_without_end_fills_no_memory(end: bytes) -> None:
    async def scenario() -> None:
        async with serving(Site(), Limits(head=1000)) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
            writer.write(b"a" * 5_000_000 + end)
            [answer] = answers(await reader.read())
            assert answer.status == 431
            writer.close()

    run(scenario)


def test_trailers_without_end_fill_no_memory() -> None:
    async def scenario() -> None:
        async with serving(Site(), Limits(head=1000)) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(CHUNKED + b"1\r\na\r\n0\r\n")
            writer.writelines(b"X-%d: a\r\n" % number for number in range(300_000))
            [answer] = answers(await reader.read())
            assert answer.status == 431
            writer.close()

    run(scenario)


def test_a_large_body_and_a_head_in_one_read_are_no_long_head() -> None:
    """What counts is the head's own length, not how it arrived."""
    body = b"x" * 5000
    two = request(method="POST", body=body, last=False) * 2
    for cut in (0, 40, 5040, 5120):
        pieces = [piece for piece in (two[:cut], two[cut:]) if piece]
        found = alone(Site(), Limits(head=500), *pieces, request("/c"), pause=0.005)
        assert [answer.status for answer in found] == [200, 200, 200]


def test_a_hundred_headers_and_no_more() -> None:
    limits = Limits(headers=10)
    most = [f"X-{number}: a" for number in range(8)]  # beside Host and Connection
    assert alone(Site(), limits, request("/", *most))[0].status == 200
    assert alone(Site(), limits, request("/", *most, "X-8: a"))[0].status == 431


def test_a_body_in_many_pieces_is_whole() -> None:
    data = CHUNKED + b"".join(b"2\r\n%02d\r\n" % (number % 100) for number in range(5000))
    found = alone(Site(), Limits(), data + b"0\r\n\r\n" + request("/b"))
    assert found[0].json["body"] == "".join(f"{number % 100:02}" for number in range(5000))


@pytest.mark.parametrize(
    "begun", [b"G", b"GET / HTTP/1.1\r\nHo", request(method="POST", body=b"abc")[:-1], CHUNKED]
)
def test_a_request_that_does_not_arrive(begun: bytes) -> None:
    [answer] = alone(Site(), BRIEF, begun)
    assert answer.status == 408


def test_a_request_that_arrives_byte_by_byte() -> None:
    """A slowloris: never silent for long, never done."""

    async def scenario() -> None:
        async with serving(Site(), BRIEF) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
            got = asyncio.create_task(reader.read())
            while not got.done():
                writer.write(b"a")
                await asyncio.sleep(0.01)
            [answer] = answers(await got)
            assert answer.status == 408
            writer.close()

    run(scenario)


def test_a_large_body_may_take_its_time() -> None:
    """A second for each `rate` bytes of it."""
    body = [b"x" * 20] * 10
    head = request(method="POST", body=b"".join(body))[:-200]
    limits = Limits(request_timeout=0.5, rate=100)
    [answer] = alone(Site(), limits, head, *body, pause=0.1)
    assert answer.status == 200


def test_an_idle_connection_is_closed_without_a_word() -> None:
    async def scenario() -> None:
        async with serving(Site(), BRIEF) as (server, port):
            assert await send(port) == b""
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request(last=False))
            assert (await reader.read()).startswith(b"HTTP/1.1 200")  # it ends by itself
            writer.close()
            await asyncio.sleep(0.05)
            assert server.connections == 0

    run(scenario)


def test_who_waits_for_an_answer_is_not_idle() -> None:
    async def scenario() -> None:
        site = Site()
        async with serving(site, BRIEF) as (_, port):
            asked = asyncio.create_task(ask(port, request("/held") + request("/more")[:10]))
            await asyncio.sleep(0.3)
            site.on_echo(site.held[0])
            [answer] = await asked
            assert answer.status == 200

    run(scenario)


def test_a_pipelined_request_is_not_late_because_of_us() -> None:
    async def scenario() -> None:
        site = Site()
        async with serving(site, Limits(request_timeout=0.3)) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request("/held", last=False) + request("/b")[:10])
            await asyncio.sleep(0.6)
            site.on_echo(site.held[0])
            writer.write(request("/b")[10:])
            found = answers(await reader.read())
            assert [answer.json["path"] for answer in found] == ["/held", "/b"]
            writer.close()

    run(scenario)


def test_a_client_that_never_reads_has_left() -> None:
    async def scenario() -> None:
        site = Site()
        async with serving(site, BRIEF) as (server, port):
            for streaming in (True, False):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(request("/held", last=False))
                while not site.held:
                    await asyncio.sleep(0.001)
                exchange = site.held.pop()
                if streaming:
                    exchange.open(200, b"text/plain")
                    exchange.write(bytes(20_000_000))
                    while not site.gone:
                        await asyncio.sleep(0.005)
                else:
                    exchange.reply(200, bytes(20_000_000))
                    while server.connections:
                        await asyncio.sleep(0.005)
                writer.transport.abort()

    run(scenario)


def test_a_client_that_reads_slowly_has_not_left() -> None:
    async def scenario() -> None:
        site = Site()
        async with serving(site, Limits(send_timeout=0.5)) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
            writer.write(request("/held"))
            while not site.held:
                await asyncio.sleep(0.001)
            site.held[0].reply(200, bytes(20_000_000))
            read = 0
            while data := await reader.read(400_000):
                read += len(data)
                await asyncio.sleep(0.02)
            assert read > 20_000_000
            writer.close()

    run(scenario)


def test_zero_is_no_limit() -> None:
    async def scenario() -> None:
        never = Limits(request_timeout=0, idle_timeout=0, send_timeout=0)
        async with serving(Site(), never) as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for connection in (*server._connections,):
                connection.late(server.now() + 1e9)
            writer.write(request()[:5])
            await asyncio.sleep(0.01)
            for connection in (*server._connections,):
                connection.late(server.now() + 1e9)
            writer.write(request()[5:])
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
            writer.close()

    run(scenario)


def test_too_many_connections() -> None:
    async def scenario() -> None:
        async with serving(Site(), Limits(connections=2)) as (server, port):
            writers = []
            for _ in range(2):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writers.append(writer)
            [answer] = answers(await send(port))
            assert answer.status == 503
            assert answer.headers["retry-after"] == "1"
            for writer in writers:
                writer.close()
            while server.connections:
                await asyncio.sleep(0.001)
            [answer] = await ask(port, request())
            assert answer.status == 200

    run(scenario)


class Guard:
    """A gate with one key."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def screen(self, exchange: Exchange) -> bool:
        return exchange.headers.get(b"authorization") == b"key"

    def observe(self, exchange: Exchange, status: int) -> None:
        self.seen.append(status)

    def __call__(self, exchange: Exchange) -> None:
        exchange.observe = self.observe
        exchange.reply(200 if self.screen(exchange) else 401, b"%d" % len(exchange.body))


@pytest.mark.parametrize("how", ["length", "chunked", "expect"])
def test_a_large_body_without_a_key_is_not_waited_for(how: str) -> None:
    """Or memory could be had by anybody."""
    headers = {
        "length": "Content-Length: 1000000",
        "chunked": "Transfer-Encoding: chunked",
        "expect": "Expect: 100-continue\r\nContent-Length: 3",
    }

    async def scenario() -> None:
        guard = Guard()
        head = request("/a", headers[how], method="POST", last=False)
        async with serving(guard, gate=guard) as (_, port):
            [answer] = await ask(port, head)
            assert answer.status == 401
            assert answer.headers["connection"] == "close"
            body = request("/a", "Authorization: key", method="POST", body=bytes(1_000_000))
            [answer] = await ask(port, body)
            assert answer.body == b"1000000"
        assert guard.seen == [401, 200]

    run(scenario)


def test_refusals_are_observed() -> None:
    async def scenario() -> None:
        guard = Guard()
        async with serving(guard, Limits(body=100), gate=guard) as (_, port):
            await ask(port, request("/a", method="POST", body=bytes(101)))
            await ask(port, b"nonsense\r\n\r\n")
        assert guard.seen == [413, 400]

    run(scenario)
