"""A page of ours in front of any Cog server: what is not the page's goes on to the server.

For the browser all comes from one place, so the server needs to allow nobody (CORS), and answers
that stream arrive as they are sent. Beside the server's own paths there are Cog's of its
playground: ``/config``, ``/proxy/...``, ``/webhook/NAME`` for a model to call, and
``/events?token=NAME`` to hear what came there, as server-sent events.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from cogsmith.runtime import page
from cogsmith.values import dataclass

__all__ = ["Relay", "Target"]

LARGEST_HOOK = 10 << 20  # bytes of one webhook's body
KEEP_ALIVE = 15.0  # seconds between two comments of a stream that is silent
PIECE = 1 << 16
CONNECT = 10.0  # seconds for the server to take a connection; an answer may take any time
# What speaks of one connection, not of the message (RFC 9110, section 7.6.1).
HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
        "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
Headers = Sequence[tuple[str, str]]
Heard = Callable[[str, bytes], None]
HERE = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Target:
    """The server behind: its address without a slash at the end."""

    url: str

    def connect(self) -> http.client.HTTPConnection:
        """A connection to it. Raises OSError."""
        parts = urlsplit(self.url)
        host = parts.hostname or "localhost"
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(host, parts.port, timeout=CONNECT)
        connection.connect()
        connection.sock.settimeout(None)
        return connection

    def path(self, path: str) -> str:
        """The path to ask for: the target may itself lie under one."""
        return urlsplit(self.url).path.rstrip("/") + path

    @property
    def host(self) -> str:
        """What ``Host`` says."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


@dataclass(slots=True)
class Hooks:
    """Who listens to which webhooks."""

    heard: Heard
    listeners: dict[str, set[queue.SimpleQueue[bytes]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, name: str, body: bytes) -> None:
        """A webhook came."""
        self.heard(name, body)
        with self.lock:
            for listener in self.listeners.get(name, ()):
                listener.put(body)

    @contextlib.contextmanager
    def listening(self, name: str) -> Iterator[queue.SimpleQueue[bytes]]:
        """What comes under a name, for as long as somebody listens."""
        listener: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        with self.lock:
            self.listeners.setdefault(name, set()).add(listener)
        try:
            yield listener
        finally:
            with self.lock:
                self.listeners[name].discard(listener)


class Relay(ThreadingHTTPServer):
    """The server of the page, at a host and a port; ``heard`` is told of each webhook."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self, address: tuple[str, int], target: Target, *, webhook_host: str, heard: Heard
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)
        self.target, self.hosts, self.hooks = target, hosts_of(address[0]), Hooks(heard)
        self.webhook_base = f"http://{webhook_host}:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that has gone is no news."""


def hosts_of(host: str) -> frozenset[str] | None:
    """The names that a relay at a host may be called by; None: any.

    A page of somebody else's could otherwise have its own name lead here (DNS rebinding).

    >>> hosts_of("0.0.0.0") is None, "localhost" in hosts_of("127.0.0.1")
    (True, True)
    """
    if host in ("127.0.0.1", "localhost", "::1"):
        return frozenset(HERE)
    return None


class _Handler(BaseHTTPRequestHandler):
    server: Relay
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing; the server behind has its own log."""

    def answer(self) -> None:
        """One request, to where it belongs."""
        path = urlsplit(self.path).path
        if not self._is_called_rightly():
            self._refuse(403, "this page answers under its own name only")
        elif "Transfer-Encoding" in self.headers:
            self._refuse(411, "tell the length of the body: Content-Length")
        elif path.startswith("/webhook/"):
            self._hook(path.removeprefix("/webhook/"))
        elif not self._is_of_this_page():
            self._refuse(403, "a page of another origin asks")
        elif path == "/config":
            self._json(200, {"webhookBase": self.server.webhook_base})
        elif path == "/events":
            self._events()
        elif not self._page(path):
            self._pass_on()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = answer  # noqa: N815

    def _is_called_rightly(self) -> bool:
        name = self.headers.get("Host", "").lower()
        hosts = self.server.hosts
        return hosts is None or name in hosts or name.rpartition(":")[0] in hosts

    def _is_of_this_page(self) -> bool:
        """Whether nobody else's page asks for more than reading."""
        origin = self.headers.get("Origin")
        return origin is None or urlsplit(origin).netloc == self.headers.get("Host")

    def _page(self, path: str) -> bool:
        """Answer with the page, if it is what is asked for."""
        wants_page = path != "/" or "text/html" in self.headers.get("Accept", "")
        found = page.asset(path) if self.command in ("GET", "HEAD") and wants_page else None
        if found is None:
            return False
        self._send(200, found[0], {"Content-Type": found[1], **page.HEADERS})
        return True

    def _hook(self, name: str) -> None:
        size = self._size()
        if not name or size > LARGEST_HOOK:
            return self._refuse(413 if name else 404, "no such webhook, or too large")
        self.server.hooks.tell(name, self.rfile.read(size))
        return self._json(200, {})

    def _events(self) -> None:
        """Tell what comes to a webhook, until the browser leaves."""
        names = parse_qs(urlsplit(self.path).query).get("token")
        if not names:
            return self._refuse(400, "which token?")
        with self.server.hooks.listening(names[0]) as coming:
            self._begin(200, [("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache")])
            while True:
                try:
                    text = b"data: " + coming.get(timeout=KEEP_ALIVE).replace(b"\n", b"\ndata: ")
                except queue.Empty:
                    text = b": keep-alive"
                self._piece(text + b"\n\n")

    def _pass_on(self) -> None:
        target, path = self.server.target, self.path
        if path.startswith("/proxy/"):
            path = path.removeprefix("/proxy")
            if self.headers.get("X-Cog-Target", target.url).rstrip("/") != target.url:
                return self._refuse(400, f"this page is of {target.url}")
        try:
            connection = target.connect()
        except OSError as error:
            reason = error.strerror or str(error)
            return self._refuse(502, f"cannot reach {target.url}: {reason}")
        with contextlib.closing(connection):
            try:
                self._ask(connection, target, target.path(path))
                reply = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                said = str(error) or type(error).__name__
                return self._refuse(502, f"{target.url} does not answer: {said}")
            self._give(reply)
        return None

    def _ask(self, connection: http.client.HTTPConnection, target: Target, path: str) -> None:
        """The request as it came, but for what speaks of connections and origins."""
        connection.putrequest(self.command, path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", target.host)
        for name, value in self.headers.items():
            if name.lower() not in HOP | {"host", "origin", "referer", "x-cog-target"}:
                connection.putheader(name, value)
        connection.endheaders()
        left = self._size()
        with contextlib.suppress(BrokenPipeError):  # it has said no already: that is to be read
            while left and (data := self.rfile.read(min(left, PIECE))):
                connection.send(data)
                left -= len(data)
        self.close_connection = self.close_connection or left > 0

    def _give(self, reply: http.client.HTTPResponse) -> None:
        """The answer as it comes."""
        headers = [(n, v) for n, v in reply.getheaders() if n.lower() not in HOP]
        known = reply.getheader("Content-Length") is not None or not self._has_body(reply)
        self._begin(reply.status, headers, chunked=not known)
        if not self._has_body(reply):
            return
        while data := reply.read1(PIECE):
            self._piece(data) if not known else self.wfile.write(data)
        if not known:
            self.wfile.write(b"0\r\n\r\n")

    def _has_body(self, reply: http.client.HTTPResponse) -> bool:
        return self.command != "HEAD" and reply.status not in (204, 304)

    def _size(self) -> int:
        told = self.headers.get("Content-Length", "0")
        return int(told) if told.isdecimal() else 0

    def _begin(self, status: int, headers: Headers, *, chunked: bool = True) -> None:
        self.send_response_only(status)
        if self.close_connection:
            self.send_header("Connection", "close")
        for name, value in headers:
            self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()

    def _piece(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _refuse(self, status: int, reason: str) -> None:
        """Say no; a body that nobody has read is in the way of another request."""
        self.close_connection = True
        self._json(status, {"error": reason})

    def _json(self, status: int, value: object) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        length = ("Content-Length", str(len(body)))
        self._begin(status, [*headers.items(), length], chunked=False)
        if self.command != "HEAD":
            self.wfile.write(body)
