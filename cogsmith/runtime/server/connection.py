"""One client's socket: requests are read, limited, timed, and answered in their order.

llhttp (in `httptools`) parses, so framing and request smuggling are its business; what is here
is limits, time-outs, keep-alive, streams and their back-pressure.

One request is answered at a time; pipelined ones wait, and the socket is not read meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

import httptools

from cogsmith.runtime.server.exchange import NOTHING, TEXT, Exchange
from cogsmith.runtime.server.heads import (
    LONG_HEAD,
    MANY_HEADERS,
    TWO_HOSTS,
    fault,
    weight,
    without_upgrade,
)

if TYPE_CHECKING:
    from cogsmith.runtime.server.http import Server

_log = logging.getLogger("cogsmith.server")

LINGER: Final = 2.0  # seconds in which a client may still read the last answer, and then close
READ: Final = 256 * 1024  # bytes that one read brings at most
PIECES: Final = 1024  # pieces of a body that are kept apart: each costs memory of its own
LARGE: Final = 64 * 1024  # bytes of a body that must not come before its sender has shown a key
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_STOPS: Final = (httptools.HttpParserError, httptools.HttpParserUpgrade)


class Connection(asyncio.Protocol):
    """One client's socket."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._limits = server.limits
        self._parser: Any = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._current: Exchange | None = None  # being answered
        self._waiting: deque[Exchange] = deque()  # pipelined
        self._last: Callable[[], None] | None = None  # a refusal, after those that wait
        self._arriving: Exchange | None = None  # its body is on the way
        self._headers: dict[bytes, bytes] = {}
        self._target = b""
        self._pieces: list[bytes] = []
        self._blocks: list[bytes] = []  # joined pieces, when there are very many
        self._size = self._repeated = 0  # bytes of the body; headers that came again
        self._got = self._fed = 0  # bytes of this read; of this request at most
        self._begun: float | None = None  # when the request that is arriving began
        self._since = 0.0  # when the last byte came, or the last answer ended
        self._written = self._sent = 0  # bytes given to the transport; those that have left it
        self._moved = 0.0  # when a byte last left
        self._plain = b""  # a head whose offer of another protocol is left out
        self._full = self._expected = False
        self._closing = False  # nothing is read any more

    # --- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; refuse at once beyond the limit of connections."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=self._limits.buffer)
        self._since = self._moved = self._server.now()
        if not self._server.entered(self):
            self._refuse(503, b"too many connections", {b"retry-after": b"1"})

    def data_received(self, data: bytes) -> None:
        """Parse; whole requests go to the handler as they end."""
        if self._closing:
            return
        self._since = self._server.now()
        self._got = len(data)
        self._fed += self._got
        try:
            self._parser.feed_data(data)
        except _STOPS as problem:
            self._stumbled(problem, data)
        if self._fed - self._size > self._limits.head and self._begun is not None:
            self._weigh()

    def eof_received(self) -> None:
        """The client has left (or has half closed, which is no different): the socket closes."""

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell whoever was about to answer."""
        self._server.left(self)
        self._closing = True
        self._waiting.clear()
        self._arriving = self._last = None
        # Both know us: without them we go when our last answer does, with no cycle to be found.
        self._parser, self._transport = None, cast("asyncio.Transport", _GONE)
        current, self._current = self._current, None
        if current is not None:
            self._server.tell(current.lost)

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._full = True
        if self._current is not None and self._current.full is not None:
            self._server.tell(self._current.full)

    def resume_writing(self) -> None:
        """It has caught up."""
        self._full = False
        if self._current is not None:
            if self._current.room is not None:
                self._server.tell(self._current.room)
        elif self._waiting or self._last:
            self._server.soon(self._next)

    # --- the parser's side

    def on_message_begin(self) -> None:
        """Another request begins."""
        self._target, self._headers = b"", {}
        self._size, self._fed, self._begun = 0, self._got, self._since
        self._repeated, self._expected = 0, False

    def on_url(self, url: bytes) -> None:
        """A part of the request's target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; what comes twice is a list (RFC 9110, 5.3)."""
        headers, name = self._headers, name.lower()
        if name in headers:
            self._repeated += 1
            if name == b"host" or self._repeated > self._limits.headers:
                self._refuse(*(TWO_HOSTS if name == b"host" else MANY_HEADERS))
                raise _Enough
            value = headers[name] + b", " + value
        headers[name] = value

    def on_headers_complete(self) -> None:
        """The body follows, if it may."""
        parser, headers, limits = self._parser, self._headers, self._limits
        self._headers = {}  # trailers go there, and nowhere else (RFC 9110, 6.5.1)
        exchange = Exchange(self, parser.get_method().decode("latin-1"), self._target)
        exchange.headers = headers
        exchange.keep = parser.should_keep_alive() and not self._server.closing
        self._arriving = exchange
        version, length = parser.get_http_version(), headers.get(b"content-length")
        if b"upgrade" in headers and parser.should_upgrade():  # the parser skips its body
            self._plain, self._arriving = without_upgrade(exchange, self._target, version), None
            return
        if (
            version != "1.1" or b"host" not in headers or self._target[:1] != b"/"
            or len(headers) > limits.headers or self._fed > limits.head
            or b"transfer-encoding" in headers or b"expect" in headers
            or exchange.method == "CONNECT"
        ) and not self._admit(exchange, version):  # fmt: skip
            return
        if length is not None and int(length) > limits.body:
            self._refuse(413, limits.too_long())
        elif length is not None and int(length) > LARGE and not self._server.screen(exchange):
            self._answer_early(exchange)

    def on_chunk_header(self) -> None:
        """Chunks may be many; what is between two of them must be short, as trailers must."""
        self._fed = self._size + self._got

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._closing:
            return
        self._size += len(body)
        if self._size > self._limits.body:
            self._refuse(413, self._limits.too_long())
            return
        self._pieces.append(body)
        if len(self._pieces) == PIECES:
            self._blocks.append(b"".join(self._pieces))
            self._pieces.clear()

    def on_message_complete(self) -> None:
        """The request is whole."""
        exchange, self._arriving = self._arriving, None
        self._begun = None
        if exchange is None or self._closing:
            return
        pieces = self._pieces
        if pieces:
            whole = len(pieces) == 1 and not self._blocks
            exchange.body = pieces[0] if whole else b"".join((*self._blocks, *pieces))
            self._pieces, self._blocks = [], []
        elif self._blocks:
            exchange.body, self._blocks = b"".join(self._blocks), []
        if self._current is None and not self._full and not self._waiting:
            self._handle(exchange)
        else:
            self._waiting.append(exchange)
            self._transport.pause_reading()

    # --- answers

    def write(self, data: bytes) -> None:
        """Send."""
        self._written += len(data)
        self._transport.write(data)

    def answered(self, exchange: Exchange, last: bytes) -> None:
        """The answer of the current request is whole with these bytes."""
        if last:
            self._written += len(last)
            self._transport.write(last)
        self._current = None
        self._since = self._server.now()
        if not exchange.keep:
            self._close()
        elif self._waiting or self._last:
            self._server.soon(self._next)
        elif self._closing:
            self._close()
        elif self._begun is not None:
            self._begun = self._since  # it may have waited for us
            if self._expected:
                self._expected = False
                self.write(_CONTINUE)

    def abort(self) -> None:
        """Break off."""
        self._closing = True
        self._transport.abort()

    def late(self, now: float) -> None:
        """Close when it takes too long: to read, to send a request, or to send another one."""
        limits, left = self._limits, self._transport.get_write_buffer_size()
        sent = self._written - left
        if sent != self._sent or not left:
            self._sent, self._moved = sent, now
        elif _over(now - self._moved, limits.send_timeout):
            self._transport.abort()
        if left or self._current is not None:
            return
        if self._closing or self._transport.is_closing():
            if now - self._since > LINGER:
                self._transport.abort()
        elif self._begun is not None:
            patience = limits.request_timeout and limits.request_timeout + self._size / limits.rate
            if _over(now - self._begun, patience):
                self._refuse(408, b"the request did not arrive in time")
        elif _over(now - self._since, limits.idle_timeout):
            self._transport.close()

    def rest(self) -> None:
        """The server is closing: an idle connection ends now, a busy one after its last answer."""
        last = self._arriving or (self._waiting[-1] if self._waiting else self._current)
        if last is not None:
            last.keep = False
        elif self._begun is None:
            self._transport.close()

    def leave(self) -> None:
        """Close as soon as what was written has left."""
        if self._current is not None:
            self._transport.abort()
        else:
            self._transport.close()

    def _handle(self, exchange: Exchange) -> None:
        self._current = exchange
        self._server.handle(exchange)

    def _next(self) -> None:
        """Answer the next of those that wait, one in each turn: others have clients, too."""
        if self._current is not None or self._full or self._transport.is_closing():
            return
        if self._waiting:
            exchange = self._waiting.popleft()
            if not self._waiting and not self._closing:
                self._transport.resume_reading()
            self._handle(exchange)
        elif self._last is not None:
            last, self._last = self._last, None
            last()

    def _admit(self, exchange: Exchange, version: str) -> bool:
        """Look closely at a head that is not quite plain; answers whether its body may come."""
        wrong = fault(exchange, version, self._target, self._limits)
        if wrong is not None:
            self._refuse(*wrong)
            return False
        headers = exchange.headers
        wants = b"expect" in headers and version == "1.1"
        if (wants or b"transfer-encoding" in headers) and not self._server.screen(exchange):
            self._answer_early(exchange)
            return False
        if wants and int(headers.get(b"content-length", b"0")) <= self._limits.body:
            if self._current is None and not self._waiting:
                self.write(_CONTINUE)
            else:
                self._expected = True
        return True

    def _weigh(self) -> None:
        """Refuse a head, or trailers, that are too long before they are whole."""
        over = self._fed - self._size - self._limits.head
        known = len(self._target) + weight(self._headers)
        if over > READ or known > self._limits.head:
            self._refuse(*LONG_HEAD)

    def _stumbled(self, problem: Exception, data: bytes) -> None:
        """The parser has stopped: at what is no HTTP, or at an offer of another protocol."""
        rest: Any = memoryview(data)
        while isinstance(problem, httptools.HttpParserUpgrade) and not self._closing:
            self._parser = httptools.HttpRequestParser(self)
            plain, self._plain = self._plain, b""
            rest = rest[problem.args[0] :]
            try:
                self._parser.feed_data(plain)
                self._parser.feed_data(rest)
            except _STOPS as another:
                problem = another
            else:
                return
        if isinstance(problem, httptools.HttpParserCallbackError) and not self._closing:
            _log.error("a bug of ours while a request was read", exc_info=problem)
            self._transport.abort()
        elif not self._closing:
            self._refuse(400, f"this is not HTTP/1.1: {problem}".encode())

    def _answer_early(self, exchange: Exchange) -> None:
        """Let the handler answer without the body, which nobody will read."""
        exchange.keep = False
        self._stop_reading()
        self._enqueue(lambda: self._handle(exchange))

    def _refuse(self, status: int, why: bytes, headers: Mapping[bytes, bytes] = NOTHING) -> None:
        """Answer what is no request, then close: where the next one begins is not known."""
        if self._closing:
            return
        self._stop_reading()
        refusal = Exchange(self, "", b"")
        refusal.keep, refusal.observe = False, self._server.observe

        def reply() -> None:
            self._current = refusal
            refusal.reply(status, why, TEXT, headers)

        self._enqueue(reply)

    def _stop_reading(self) -> None:
        self._closing, self._arriving, self._begun = True, None, None
        self._pieces, self._blocks = [], []

    def _enqueue(self, last: Callable[[], None]) -> None:
        """Give the last answer on this connection, after those that are on their way."""
        if self._current is None and not self._waiting:
            last()
        else:
            self._last = last

    def _close(self) -> None:
        """Say that nothing follows; the client closes when it has read it.

        To close at once would reset the connection if the client is sending still, and with it
        the answer might be lost (RFC 9112, 9.6). ``late`` closes if the client does not.
        """
        self._closing = True
        self._waiting.clear()
        if not self._transport.is_closing():
            with suppress(OSError, RuntimeError):  # it is gone already
                self._transport.resume_reading()
                self._transport.write_eof()


class _Enough(Exception):
    """Stops the parser: the request was refused."""


def _over(spent: float, limit: float) -> bool:
    """Whether a limit is passed; 0 is none."""
    return 0 < limit < spent


class _Gone:
    """The transport of a connection that is lost: late calls do nothing."""

    def is_closing(self) -> bool:
        return True

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, _data: bytes) -> None: ...
    def write_eof(self) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


_GONE = _Gone()
