"""One HTTP exchange, against servers that do as they like; encrypted, and through proxies."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cogsmith.errors import InvalidInput
from cogsmith.prediction import Answer, Request, exchange, shown, wire
from tests.prediction.receiver import PATIENCE, free_port, receiving

CERTIFICATE = Path(__file__).parent / "localhost.pem"  # of localhost and store.example
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Run = Callable[[Any], Any]


async def asked(handler: Handler, body: Any = b"", *, security: Any = None) -> Answer:
    """One exchange with a server of ours."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=security)
    async with server:
        port = server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}/" if security is None else f"https://localhost:{port}/"
        answer = await exchange(Request("PUT", url, body=body), PATIENCE)
        await asyncio.sleep(0.02)  # the server's side hears of the end
    return answer


def saying(words: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(words)
        writer.close()

    return handler


@pytest.mark.parametrize(
    "words",
    [b"", b"HTTP/1.1 2", b"SSH-2.0-OpenSSH_9\r\n\r\n", b"HTTP/1.1 OK fine\r\n\r\n", b"\0" * 70_000],
)
def test_what_is_not_http_is_no_answer(run: Run, words: bytes) -> None:
    answer = run(asked(saying(words)))
    assert (answer.status, answer.ok, answer.passing) == (0, False, True)
    assert str(answer) in {
        "the answer is not HTTP", "the connection was closed before an answer",
    }  # fmt: skip


def test_an_answer_may_come_after_others_and_stay_unfinished(run: Run) -> None:
    words = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
        b"HTTP/1.1 202\r\nContent-Length: 10\r\n\r\nhalf"
    )
    answer = run(asked(saying(words)))
    assert (answer.status, answer.ok, answer.headers) == (202, True, {"content-length": "10"})


def test_a_host_that_is_not_there_has_a_reason(run: Run) -> None:
    request = Request("GET", f"http://127.0.0.1:{free_port()}")
    assert run(exchange(request, PATIENCE)) == Answer(0, "Connection refused", passing=True)


def test_what_is_shown_of_a_url_holds_no_secret() -> None:
    assert shown("http://u:p@h:1/a?s#f") == "http://h:1/a"
    assert shown("http://[::1/") == "a URL that cannot be read"


# --- bodies in pieces


class Pieces:
    def __init__(self, *pieces: bytes, then: Exception | None = None) -> None:
        self.given, self.then = pieces, then
        self.closed = False

    @property
    def length(self) -> int:
        return sum(map(len, self.given)) + (self.then is not None)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            for piece in self.given:
                await asyncio.sleep(0)
                yield piece
            if self.then is not None:
                raise self.then
        finally:
            self.closed = True


def test_a_body_in_pieces_is_one_body(run: Run) -> None:
    async def use() -> None:
        with receiving() as receiver:
            answer = await exchange(
                Request("PUT", receiver.url, body=Pieces(b"a", b"bc")), PATIENCE
            )
            assert answer.ok
            assert receiver.bodies == [b"abc"]

    run(use())


def test_a_refusal_is_heard_while_the_body_is_sent(run: Run) -> None:
    body = Pieces(*[b"x" * 1_000_000] * 50)

    async def use() -> Answer:
        heard = asyncio.Event()

        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
            await heard.wait()  # and reads nothing more
            writer.close()

        answering = asyncio.ensure_future(asked(refuse, body))
        while not body.closed:
            await asyncio.sleep(0.01)
        heard.set()
        return await answering

    answer = run(use())
    assert (answer.status, str(answer), answer.passing) == (413, "413 Too Large", False)


def test_what_the_body_itself_raises_goes_through(run: Run) -> None:
    async def use() -> Answer:
        with receiving() as receiver:
            body = Pieces(b"x", then=InvalidInput("no more"))
            return await exchange(Request("PUT", receiver.url, body=body), PATIENCE)

    with pytest.raises(InvalidInput, match="no more"):
        run(use())


# --- TLS


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Decides which certificates are known."""

    def go(known: Path) -> ssl.SSLContext:
        monkeypatch.setenv("SSL_CERT_FILE", str(known))
        wire._tls.cache_clear()
        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ours.load_cert_chain(CERTIFICATE)
        return ours

    yield go
    wire._tls.cache_clear()


def test_https(run: Run, trust: Any) -> None:
    security = trust(CERTIFICATE)
    assert run(asked(saying(b"HTTP/1.1 204 No Content\r\n\r\n"), security=security)).ok


def test_a_certificate_that_nobody_knows_is_refused(run: Run, trust: Any) -> None:
    security = trust(Path("/dev/null"))
    answer = run(asked(saying(b"HTTP/1.1 204 No Content\r\n\r\n"), security=security))
    assert answer.status == 0
    assert answer.reason.startswith("its certificate is refused: ")


# --- proxies


class Proxy:
    """Relays what it is asked for to one server, whatever its name."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head)
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        if head.startswith(b"CONNECT "):
            writer.write(b"HTTP/1.1 200 Connection Established\r\n\r\n")
        else:
            back.write(head)
        await asyncio.gather(_relay(reader, back), _relay(there, writer))


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except ConnectionError:
        pass
    writer.close()


async def by_proxy(url: str, security: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Answer, Any]:
    body = b"x" * 100_000

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(len(body)) == body
        writer.write(b"HTTP/1.1 201 Created\r\nlocation: %b\r\n\r\n" % head.split(b" ")[1])
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=security)
    proxy = Proxy(server.sockets[0].getsockname()[1])
    front = await asyncio.start_server(proxy, "127.0.0.1", 0)
    async with server, front:
        address = f"http://me:secret@127.0.0.1:{front.sockets[0].getsockname()[1]}"
        monkeypatch.setenv("ALL_PROXY", address)
        answer = await exchange(Request("PUT", url, body=body), PATIENCE)
        await asyncio.sleep(0.05)
    return answer, proxy.asked


def test_a_proxy_is_asked_for_the_whole_url(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "http://store.example/up?a=1"
    answer, asked_of_proxy = run(by_proxy(url, None, monkeypatch))
    assert (answer.status, answer.headers["location"]) == (201, url)
    (head,) = asked_of_proxy
    assert head.startswith(b"PUT http://store.example/up?a=1 HTTP/1.1\r\nhost: store.example\r\n")
    assert b"\r\nproxy-authorization: Basic bWU6c2VjcmV0\r\n" in head


def test_a_proxy_opens_a_tunnel_and_sees_nothing(
    run: Run, trust: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "https://store.example/up?secret=1"
    answer, asked_of_proxy = run(by_proxy(url, trust(CERTIFICATE), monkeypatch))
    assert (answer.status, answer.headers["location"]) == (201, "/up?secret=1")
    (head,) = asked_of_proxy
    assert head == (
        b"CONNECT store.example:443 HTTP/1.1\r\nhost: store.example:443\r\n"
        b"proxy-authorization: Basic bWU6c2VjcmV0\r\n\r\n"
    )


def test_a_certificate_of_another_host_is_refused_through_a_proxy(
    run: Run, trust: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, _ = run(by_proxy("https://other.example/", trust(CERTIFICATE), monkeypatch))
    assert (answer.status, answer.reason.partition(":")[0]) == (0, "its certificate is refused")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "answered 407 Proxy Auth"),
        (b"what?\r\n\r\n", "does not speak HTTP"),
        (b"", "does not speak HTTP"),
    ],
)
def test_a_proxy_that_refuses(
    run: Run, words: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use() -> Answer:
        server = await asyncio.start_server(saying(words), "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
            return await exchange(Request("GET", "https://store.example/"), PATIENCE)

    answer = run(use())
    assert (answer.status, answer.passing) == (0, True)
    assert reason in answer.reason


def test_a_proxy_that_cannot_be_used(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    answer = run(exchange(Request("GET", "https://store.example/"), PATIENCE))
    assert answer == Answer(
        0, "its proxy cannot be used: only http and https are spoken, not socks5"
    )
