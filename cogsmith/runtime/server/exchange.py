"""A request, and how it is answered: what handlers see of HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from time import gmtime
from typing import Final, Protocol
from urllib.parse import unquote_to_bytes

from cogsmith.runtime.process.child import now

JSON: Final = b"application/json"
TEXT: Final = b"text/plain; charset=utf-8"
EVENTS: Final = b"text/event-stream"

NOTHING: Final[Mapping[bytes, bytes]] = {}
_HEADS: Final = {
    int(status): f"HTTP/1.1 {int(status)} {status.phrase}\r\n".encode() for status in HTTPStatus
}
_BODYLESS: Final = frozenset({204, 304})


class Line(Protocol):
    """Where an answer goes."""

    def write(self, data: bytes) -> None:
        """Send."""

    def answered(self, exchange: Exchange, last: bytes) -> None:
        """The answer is whole with these bytes."""

    def abort(self) -> None:
        """Break off."""


class Exchange:
    """A request whose body is there, and its answer: ``reply``, or ``open``, ``write``, ``end``.

    ``gone`` is called when the client has left before the end of the answer; ``full`` and
    ``room`` when a stream's client reads too slowly, and when it has caught up; ``observe`` with
    the status when the answer begins. ``route`` is the pattern of its path, for those who count.
    ``chunks`` says whether the client knows chunked bodies: HTTP/1.0 has none.
    """

    __slots__ = (
        "_connection",
        "_opened",
        "body",
        "chunks",
        "full",
        "gone",
        "headers",
        "keep",
        "method",
        "observe",
        "path",
        "query",
        "room",
        "route",
    )  # fmt: skip

    def __init__(self, connection: Line, method: str, target: bytes) -> None:
        raw, _, query = target.partition(b"?")
        self.method = method
        self.path = raw.decode("latin-1")
        self.query = query.decode("latin-1")
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.keep = self.chunks = True
        self.gone: Callable[[], None] | None = None
        self.full: Callable[[], None] | None = None
        self.room: Callable[[], None] | None = None
        self.observe: Callable[[Exchange, int], None] | None = None
        self.route = "other"
        self._connection: Line | None = connection
        self._opened = False

    @property
    def done(self) -> bool:
        """Whether it has been answered, or nobody waits for the answer any more."""
        return self._connection is None

    @property
    def segments(self) -> list[str]:
        """The path's parts, each unquoted by itself: an escaped slash separates nothing.

        Raises UnicodeDecodeError for bytes that are not UTF-8: two names would become one.
        """
        return [unquote_to_bytes(part).decode() for part in self.path.split("/")[1:]]

    def text(self, name: bytes) -> str:
        """A header's text, or nothing."""
        return self.headers.get(name, b"").decode("latin-1")

    def reply(
        self, status: int, body: bytes = b"", kind: bytes = JSON,
        headers: Mapping[bytes, bytes] = NOTHING,
    ) -> None:  # fmt: skip
        """Answer with a whole body."""
        connection = self._connection
        if connection is None:
            return
        if self._opened:  # the client is in the middle of another answer
            connection.abort()
            return
        length = b"" if status in _BODYLESS else b"content-length: %d\r\n" % len(body)
        head = self._head(status, kind if body else b"", length, headers)
        self._connection = self.gone = None
        connection.answered(self, head if self.method == "HEAD" else head + body)

    def open(
        self, status: int, kind: bytes, headers: Mapping[bytes, bytes] = NOTHING
    ) -> None:  # fmt: skip
        """Begin an answer in pieces; HEAD gets none of them."""
        connection = self._connection
        if connection is None:
            return
        self._opened = True
        framing = b"transfer-encoding: chunked\r\n" if self.chunks else b""
        self.keep = self.keep and self.chunks
        head = self._head(status, kind, framing, headers)
        if self.method == "HEAD":
            self._connection = None
            connection.answered(self, head)
        else:
            connection.write(head)

    def write(self, data: bytes) -> None:
        """Send a piece; never an empty one."""
        if self._connection is not None and data:
            self._connection.write(b"%x\r\n%b\r\n" % (len(data), data) if self.chunks else data)

    def end(self) -> None:
        """End an answer in pieces."""
        connection, self._connection = self._connection, None
        self.gone = self.full = self.room = None
        if connection is not None:
            connection.answered(self, b"0\r\n\r\n" if self.chunks else b"")

    def lost(self) -> None:
        """The connection is gone."""
        gone, self._connection = self.gone, None
        self.gone = self.full = self.room = None
        if gone is not None:
            gone()

    def fail(self) -> None:
        """Our own code failed: say so, or break off what has begun."""
        self.observe = None  # it may be what failed
        if self._opened and self._connection is not None:
            self._connection.abort()
        else:
            self.keep = False
            self.reply(500, b'{"error":"Internal Server Error","status":"failed"}')

    def _head(
        self, status: int, kind: bytes, framing: bytes, headers: Mapping[bytes, bytes]
    ) -> bytes:
        if self.observe is not None:
            self.observe(self, status)
        head = _HEADS[status] + framing + _date()
        if kind:
            head += b"content-type: %b\r\n" % kind
        for name, value in headers.items():
            head += b"%b: %b\r\n" % (name, value)
        if not self.keep:
            return head + b"connection: close\r\n\r\n"
        return head + (b"\r\n" if self.chunks else b"connection: keep-alive\r\n\r\n")


class _Date:
    """The header that tells the time, made once a second."""

    second = 0
    line = b""


def _date() -> bytes:
    second = int(now())
    if second != _Date.second:
        _Date.second, _Date.line = second, f"date: {http_date(second)}\r\n".encode()
    return _Date.line


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(second: int) -> str:
    """A time as HTTP writes it (RFC 9110, 5.6.7), whatever the locale.

    ``email.utils`` does the same and takes longer to import than a worker to start.

    >>> http_date(784111777)
    'Sun, 06 Nov 1994 08:49:37 GMT'
    """
    year, month, day, hour, minute, seconds, weekday, *_ = gmtime(second)
    name, of = _DAYS[weekday], _MONTHS[month - 1]
    return f"{name}, {day:02} {of} {year:04} {hour:02}:{minute:02}:{seconds:02} GMT"
