"""HTTP/1.1 as clients meet it: answers in order, streams, ends, failures."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress

import pytest

from cogsmith.errors import CogsmithError
from cogsmith.runtime.server.http import EVENTS, Exchange, Server
from cogsmith.runtime.server.limits import Limits
from tests.serving.wire import Site, answers, ask, request, run, send, serving


def test_a_request_arrives_whole() -> None:
    async def scenario() -> None:
        async with serving(Site()) as (_, port):
            [answer] = await ask(
                port, request("/a%2Fb?c=d%20e", "X-One: 1", "X-ONE: 2", method="PUT", body=b"abc")
            )
        assert answer.status == 200
        assert answer.headers["connection"] == "close"
        assert answer.json["method"] == "PUT"
        assert (answer.json["path"], answer.json["query"]) == ("/a%2Fb", "c=d%20e")
        assert answer.json["headers"]["x-one"] == "1, 2"
        assert answer.json["body"] == "abc"

    run(scenario)


def test_a_connection_is_kept() -> None:
    async def scenario() -> None:
        async with serving(Site()) as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for number in range(3):
                writer.write(request(f"/{number}", last=False))
                got = await reader.readuntil(b'"body": ""}')
                assert b"connection" not in got.split(b"\r\n\r\n")[0]
            assert server.connections == 1
            writer.close()

    run(scenario)


@pytest.mark.parametrize("pause", [0.0, 0.002])
@pytest.mark.parametrize("together", [True, False])
def test_pipelined_requests_are_answered_in_their_order(pause: float, together: bool) -> None:
    """Whether their answers are there at once or later, and however they arrive."""

    async def scenario() -> None:
        paths = ["/later/0", "/1", "/stream/2", "/later/3", "/4", "/later/5", "/later/6", "/7"]
        wanted = [request(path, last=path == "/7") for path in paths]
        pieces = [b"".join(wanted)] if together else wanted
        site = Site()
        async with serving(site) as (_, port):
            found = await ask(port, *pieces, pause=pause)
        assert site.asked == paths
        assert [one.body if n == 2 else one.json["path"] for n, one in enumerate(found)] == [
            b"0;1;2;" if path == "/stream/2" else path for path in paths
        ]

    run(scenario)


def test_many_pipelined_requests_and_bodies_lose_none() -> None:
    async def scenario() -> None:
        wanted = [
            request(f"/later/{n}", method="POST", body=b"x" * (n * 100), last=n == 99)
            for n in range(100)
        ]
        async with serving(Site()) as (_, port):
            found = await ask(port, b"".join(wanted))
        assert [one.json["path"] for one in found] == [f"/later/{n}" for n in range(100)]
        assert [one.json["size"] for one in found] == [n * 100 for n in range(100)]

    run(scenario)


def test_one_who_never_reads_fills_no_memory() -> None:
    """Requests without end, answers unread: we stop to read, and go on when they are read."""

    async def scenario() -> None:
        site = Site()
        async with serving(site) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for number in range(200):
                writer.write(request("/large", last=number == 199))
            await asyncio.sleep(0.3)
            assert len(site.asked) < 50
            assert len(answers(await reader.read())) == 200
            writer.close()

    run(scenario)


def test_a_stream_comes_in_chunks_and_nothing_after_its_end() -> None:
    async def scenario() -> None:
        async with serving(Site()) as (_, port):
            found = await ask(port, request("/stream", last=False) + request("/stream"))
        for one in found:
            assert one.headers["transfer-encoding"] == "chunked"
            assert one.headers["content-type"] == "text/event-stream"
            assert one.body == b"0;1;2;"

    run(scenario)


@pytest.mark.parametrize("path", ["/", "/stream"])
def test_head_gets_no_body(path: str) -> None:
    async def scenario() -> None:
        async with serving(Site()) as (_, port):
            data = await send(
                port, request(path, method="HEAD", last=False) + request(path, method="HEAD")
            )
        first, second, rest = data.split(b"\r\n\r\n")
        assert first.startswith(b"HTTP/1.1 200")
        assert second.startswith(b"HTTP/1.1 200")
        assert rest == b""

    run(scenario)


def test_http_1_0_has_no_chunks_and_closes() -> None:
    async def scenario() -> None:
        async with serving(Site()) as (_, port):
            data = await send(port, b"GET /stream HTTP/1.0\r\n\r\n")
            assert data.endswith(b"\r\n\r\n0;1;2;")
            assert b"chunked" not in data
            [answer] = await ask(port, b"GET / HTTP/1.0\r\n\r\n")
            assert answer.headers["connection"] == "close"

    run(scenario)


def test_http_1_0_is_kept_when_it_asks_for_that_and_hears_so() -> None:
    async def scenario() -> None:
        one = b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        async with serving(Site()) as (_, port):
            first, second = await ask(port, one, b"GET /b HTTP/1.0\r\n\r\n", pause=0.01)
        assert first.headers["connection"] == "keep-alive"
        assert second.headers["connection"] == "close"

    run(scenario)


def test_a_pipelined_1_0_does_not_change_the_stream_before_it() -> None:
    async def scenario() -> None:
        site = Site()
        async with serving(site) as (_, port):
            asked = asyncio.create_task(
                ask(port, request("/held", last=False) + b"GET / HTTP/1.0\r\n\r\n")
            )
            await _until(lambda: site.held)
            site.on_stream(site.held[0])
            stream, after = await asked
        assert stream.headers["transfer-encoding"] == "chunked"
        assert after.json["path"] == "/"

    run(scenario)


def test_our_own_bug_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with serving(Site()) as (_, port):
            [answer] = await ask(port, request("/boom", last=False))
        assert answer.status == 500
        assert answer.headers["connection"] == "close"

    with caplog.at_level(logging.ERROR, "cogsmith.server"):
        run(scenario)
    assert "GET /boom: a bug of ours" in caplog.text


def test_our_own_bug_in_the_middle_of_an_answer_breaks_it_off() -> None:
    """A client must not take what it has for the whole."""

    async def scenario() -> None:
        async with serving(Site()) as (_, port):
            try:
                data = await send(port, request("/midway", last=False))
            except ConnectionError:
                return
            assert not data.endswith(b"0\r\n\r\n")

    run(scenario)


def test_nothing_is_answered_behind_an_answer_that_broke_off() -> None:
    async def scenario() -> None:
        site = Site()
        async with serving(site) as (server, port):
            with suppress(ConnectionError):
                await send(port, request("/midway", last=False) + request("/a") * 3)
            await _until(lambda: not server.connections)
        assert site.asked == ["/midway"]

    run(scenario)


def test_a_refused_client_that_has_sent_much_is_let_go() -> None:
    """We had stopped to read it while others were answered; now what it sends is thrown away."""

    async def scenario() -> None:
        site = Site()
        async with serving(site) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request("/held", last=False) + request("/b", last=False))
            await _until(lambda: site.held)
            writer.write(b"nonsense\r\n\r\n" + bytes(3_000_000))
            site.on_echo(site.held[0])
            await writer.drain()
            found = answers(await reader.read())
            assert [answer.status for answer in found] == [200, 200, 400]
            writer.close()

    run(scenario)


def test_an_observer_that_fails_costs_no_connection() -> None:
    def handler(exchange: Exchange) -> None:
        def observe(_exchange: Exchange, _status: int) -> None:
            raise ValueError("boom")

        exchange.observe = observe
        exchange.reply(200, b"{}")

    async def scenario() -> None:
        async with serving(handler) as (_, port):
            [answer] = await ask(port, request(last=False))
        assert answer.status == 500

    run(scenario)


def test_who_answers_hears_that_the_client_has_left() -> None:
    async def scenario() -> None:
        site = Site()
        async with serving(site) as (_, port):
            for reset in (False, True):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(request("/held", last=False))
                await _until(lambda: site.held)
                exchange = site.held.pop()
                if reset:
                    writer.transport.abort()
                else:
                    writer.close()
                await _until(lambda: site.gone)
                assert site.gone.pop() == "/held"
                assert exchange.done
                exchange.reply(200, b"nobody reads this")

    run(scenario)


def test_a_reset_in_the_middle_of_a_stream() -> None:
    async def scenario() -> None:
        site = Site()
        async with serving(site) as (server, port):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request("/held", last=False))
            await _until(lambda: site.held)
            exchange = site.held[0]
            exchange.open(200, EVENTS)
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            writer.transport.abort()
            for _ in range(1000):
                exchange.write(b"x" * 1000)
                await asyncio.sleep(0)
            await _until(lambda: site.gone)
            assert server.connections == 0

    run(scenario)


def test_a_callback_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def handler(exchange: Exchange) -> None:
        def gone() -> None:
            raise ValueError("boom")

        exchange.gone = gone

    async def scenario() -> None:
        async with serving(handler) as (server, port):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request("/held", last=False))
            await _until(lambda: server.connections)
            writer.close()
            await _until(lambda: not server.connections)

    with caplog.at_level(logging.ERROR, "cogsmith.server"):
        run(scenario)
    assert "a bug of ours in the middle of an answer" in caplog.text


def test_a_half_closed_client_gets_what_is_answered_at_once() -> None:
    """`nc -N`: what needs time is taken for left, as by Cog's server."""

    async def scenario() -> None:
        site = Site()
        async with serving(site) as (_, port):
            [answer] = answers(await send(port, request("/a", last=False), half=True))
            assert answer.json["path"] == "/a"
            assert await send(port, request("/held", last=False), half=True) == b""
            assert site.gone == ["/held"]

    run(scenario)


def test_a_slow_reader_holds_the_stream_and_loses_nothing() -> None:
    async def scenario() -> None:
        site = Site()
        async with serving(site, Limits(buffer=1000)) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
            writer.write(request("/held"))
            await _until(lambda: site.held)
            exchange = site.held[0]
            exchange.full = lambda: site.signs.append("full")
            exchange.room = lambda: site.signs.append("room")
            exchange.open(200, EVENTS)
            count = 0
            while not site.signs:
                exchange.write(b"%8d" % count * 1000)
                count += 1
                await asyncio.sleep(0)
            assert site.signs == ["full"]
            read = await reader.read(1_000_000)
            while "room" not in site.signs:
                read += await reader.read(1_000_000)
            exchange.end()
            read += await reader.read()
            writer.close()
        [answer] = answers(read)
        assert answer.body == b"".join(b"%8d" % number * 1000 for number in range(count))

    run(scenario)


def test_the_end_of_the_server_lets_answers_leave() -> None:
    async def scenario() -> None:
        site = Site()
        server = Server(site, Limits())
        port = await server.listen("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        idle, other = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("/held", last=False))
        await _until(lambda: site.held)
        server.rest()
        assert await idle.read() == b""
        other.close()
        site.held[0].reply(200, bytes(20_000_000))
        closing = asyncio.create_task(server.close())
        [answer] = answers(await reader.read())
        await closing
        assert len(answer.body) == 20_000_000
        assert server.connections == 0
        writer.close()

    run(scenario)


def test_a_resting_server_answers_the_pipelined_and_closes() -> None:
    async def scenario() -> None:
        site = Site()
        async with serving(site) as (server, port):
            asked = asyncio.create_task(
                ask(port, request("/held", last=False) + request("/b", last=False))
            )
            await _until(lambda: site.held)
            server.rest()
            site.on_echo(site.held[0])
            first, second = await asked
        assert (first.json["path"], second.json["path"]) == ("/held", "/b")
        assert second.headers["connection"] == "close"

    run(scenario)


def test_a_port_in_use_is_told() -> None:
    async def scenario() -> None:
        async with serving(Site()) as (_, port):
            server = Server(Site(), Limits())
            with pytest.raises(CogsmithError, match="another program listens there") as caught:
                await server.listen("127.0.0.1", port)
            assert f"cannot listen at 127.0.0.1:{port}" in str(caught.value)
            assert "choose another port" in caught.value.hint
            await server.close()

    run(scenario)


@pytest.mark.parametrize(
    ("host", "reason"),
    [("203.0.113.1", "no such address"), ("no.such.host.invalid", "no such host")],
)
def test_an_address_that_is_not_here_is_told(host: str, reason: str) -> None:
    async def scenario() -> None:
        server = Server(Site(), Limits())
        with pytest.raises(CogsmithError, match=reason):
            await server.listen(host, 0)
        await server.close()

    run(scenario)


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_a_port_that_there_is_none_of(port: int) -> None:
    """libuv would listen at another one and say nothing."""

    async def scenario() -> None:
        server = Server(Site(), Limits())
        with pytest.raises(CogsmithError, match=f"port {port}: there is none"):
            await server.listen("127.0.0.1", port)
        await server.close()

    run(scenario)


def test_ipv6() -> None:
    async def scenario() -> None:
        server = Server(Site(), Limits())
        try:
            port = await server.listen("::1", 0)
        except CogsmithError as problem:
            pytest.skip(f"no IPv6 here: {problem}")
        reader, writer = await asyncio.open_connection("::1", port)
        writer.write(request())
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()
        await server.close()

    run(scenario)


async def _until(true: object) -> None:
    while not true():  # type: ignore[operator]
        await asyncio.sleep(0.001)
