"""Heads that are no heads: RFC 9110 and 9112 by example, and what attackers send."""

from __future__ import annotations

import asyncio

import pytest

from tests.serving.wire import Site, answers, ask, request, run, send, serving

HOST = b"Host: here\r\n"
CLOSE = b"Connection: close\r\n"
POST = b"POST / HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

REFUSED = {
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "content-length twice": (
        POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400,
    ),
    "content-length list": (POST + b"Content-Length: 1, 1\r\n\r\na", 400),
    "content-length negative": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "content-length signed": (POST + b"Content-Length: +1\r\n\r\na", 400),
    "content-length empty": (POST + b"Content-Length:\r\n\r\n", 400),
    "content-length without end": (
        POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400,
    ),
    "content-length, then transfer-encoding": (
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n", 400,
    ),
    "transfer-encoding, then content-length": (
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
        b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n", 400,
    ),
    "transfer-encoding twice": (
        POST + b"Transfer-Encoding: chunked\r\n"
        b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400,
    ),
    "transfer-encoding with a blank before the colon": (
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400,
    ),
    "transfer-encoding with a tab": (
        POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400,
    ),
    "gzip": (POST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    "gzip, chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    "chunked in 1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunk size with 0x": (
        CHUNKED + b"0x1\r\na\r\n0\r\n\r\n", 400,
    ),
    "chunk size without end": (
        CHUNKED + b"" + b"f" * 20, 400,
    ),
    "chunk longer than said": (
        CHUNKED + b"1\r\nab\r\n0\r\n\r\n", 400,
    ),
    "chunk with a bare line feed": (
        CHUNKED + b"1\na\r\n0\r\n\r\n", 400,
    ),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "a bare line feed after a header": (b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400),
    "a bare carriage return": (b"GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", 400),
    "a zero in a header": (b"GET / HTTP/1.1\r\nHost: x\x00y\r\n\r\n", 400),
    "a zero in the target": (b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a blank in the target": (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a folded header": (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n", 400),
    "a fold at first": (b"GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400),
    "a header without a name": (b"GET / HTTP/1.1\r\n" + HOST + b": b\r\n\r\n", 400),
    "an unknown method": (b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a method of RTSP": (b"DESCRIBE / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "CONNECT": (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n\x16\x03\x01", 400),
    "CONNECT /": (b"CONNECT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nGET", 400),
    "GET *": (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "another scheme": (b"GET file:///etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 505),
    "HTTP/2.0 in words": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 400),
    "HTTP/2's preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), 400),
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", 400),
    "an expectation of another kind": (b"GET / HTTP/1.1\r\n" + HOST + b"Expect: tea\r\n\r\n", 417),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """With a status, a reason, and the end of the connection; nothing reaches a handler."""
    wrong, status = REFUSED[name]

    async def scenario() -> None:
        site = Site()
        async with serving(site) as (_, port):
            for pieces in ([wrong], [wrong[i : i + 1] for i in range(len(wrong))]):
                [answer] = await ask(port, *pieces)
                assert answer.status == status, answer
                assert answer.headers["connection"] == "close"
                assert answer.body
        assert site.asked == []

    run(scenario)


@pytest.mark.parametrize("name", ["bare line feeds", "no host", "TLS", "gzip"])
@pytest.mark.parametrize("before", ["/now", "/later", "/stream"])
def test_what_came_before_is_answered_first(name: str, before: str) -> None:
    wrong, status = REFUSED[name]

    async def scenario() -> None:
        async with serving(Site()) as (_, port):
            first, second = await ask(port, request(before, last=False) + wrong)
        assert (first.status, second.status) == (200, status)

    run(scenario)


TAKEN = {
    "an empty line before": (b"\r\n\r\nGET /a HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", "/a"),
    "a whole address": (b"GET http://there/a?b HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", "/a"),
    "an address without a path": (b"GET http://there HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", "/"),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", "*"),
    "a blank behind a length": (
        b"POST /a HTTP/1.1\r\n" + HOST + CLOSE + b"Content-Length: 1 \r\n\r\nx", "/a",
    ),
    "an empty host": (b"GET /a HTTP/1.1\r\nHost:\r\n" + CLOSE + b"\r\n", "/a"),
    "a chunk's extension": (
        b"POST /a HTTP/1.1\r\n" + HOST + CLOSE + b"Transfer-Encoding: Chunked\r\n\r\n"
        b"1;name=value\r\nx\r\n0\r\n\r\n", "/a",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_taken(name: str) -> None:
    data, path = TAKEN[name]

    async def scenario() -> None:
        async with serving(Site()) as (_, port):
            [answer] = await ask(port, data)
        assert answer.status == 200
        assert answer.json["path"] == path

    run(scenario)


def test_a_whole_address_says_who_the_host_is() -> None:
    async def scenario() -> None:
        async with serving(Site()) as (_, port):
            [answer] = await ask(port, request("http://there:1/a?b=c"))
        assert answer.json["headers"]["host"] == "there:1"
        assert answer.json["query"] == "b=c"

    run(scenario)


def test_trailers_are_no_headers() -> None:
    """Or a client behind a proxy that checks headers could add one."""

    async def scenario() -> None:
        data = (
            b"POST /a HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n0\r\nAuthorization: Bearer stolen\r\nX-A: b\r\n\r\n"
        )
        async with serving(Site()) as (_, port):
            first, second = await ask(port, data + request("/b"))
        assert first.json["body"] == "abc"
        for answer in (first, second):
            assert "authorization" not in answer.json["headers"]
            assert "x-a" not in answer.json["headers"]

    run(scenario)


@pytest.mark.parametrize("body", [b"", b"abc"])
def test_an_upgrade_is_not_taken_and_the_connection_goes_on(body: bytes) -> None:
    """What `curl --http2` and Java's client send first."""

    async def scenario() -> None:
        offer = request(
            "/a", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAA",
            method="POST", body=body, last=False,
        )  # fmt: skip
        async with serving(Site()) as (_, port):
            for pieces in ([offer + request("/b")], [offer, request("/b")]):
                first, second = await ask(port, *pieces, pause=0.01)
                assert (first.status, first.json["path"]) == (200, "/a")
                assert first.json["body"] == body.decode()
                assert (second.status, second.json["path"]) == (200, "/b")

    run(scenario)


def test_who_expects_to_be_told_is_told() -> None:
    async def scenario() -> None:
        async with serving(Site()) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head, body = (
                request("/a", "Expect: 100-continue", method="POST", body=b"abc").split(b"abc")[0],
                b"abc",
            )
            writer.write(head)
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(body)
            [answer] = answers(await reader.read())
            assert answer.json["body"] == "abc"
            writer.close()

    run(scenario)


def test_who_expects_to_be_told_waits_for_the_answer_before() -> None:
    async def scenario() -> None:
        site = Site()
        async with serving(site) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request("/held", last=False))
            writer.write(request("/a", "Expect: 100-continue", method="POST", body=b"abc")[:-3])
            while not site.held:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.01)
            site.on_stream(site.held[0])
            data = await reader.readuntil(b"HTTP/1.1 100 Continue\r\n\r\n")
            assert b"2;\r\n0\r\n\r\nHTTP/1.1 100" in data
            writer.write(b"abc")
            [answer] = answers(await reader.read())
            assert answer.json["body"] == "abc"
            writer.close()

    run(scenario)


def test_what_follows_the_last_request_is_not_answered() -> None:
    async def scenario() -> None:
        site = Site()
        async with serving(site) as (_, port):
            for first in (request("/a"), request("/later/a")):
                data = await send(port, first + request("/b"))
                assert [answer.status for answer in answers(data)] == [200]
        assert "/b" not in site.asked

    run(scenario)
