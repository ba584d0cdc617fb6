"""Connections: opened, kept, used again, and cut when a transfer has to end."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from itertools import chain
from urllib.parse import urlsplit

from cogsmith.errors import RegistryError, Unreachable
from cogsmith.registry.messages import Origin, Payload, Request
from cogsmith.registry.settings import Settings, proxy_for
from cogsmith.registry.transport.reply import BLOCK, FAILURES, Broken, Reply, broken
from cogsmith.registry.transport.trust import proxy_address, proxy_headers, tls

__all__ = ["PlainOnly", "Transport", "pieces"]

Connection = http.client.HTTPConnection


class PlainOnly(Unreachable):
    """Who answers there does not speak https."""


class Transport:
    """Connections to any number of origins. Threads may share it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._idle: dict[Origin, list[Connection]] = {}
        self._busy: dict[Connection, socket.socket | None] = {}
        self._answered: set[Origin] = set()
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._closed = self._halted = False

    def send(self, request: Request) -> Reply:
        """Send one request and wait until its answer begins.

        A connection that was kept may have been closed by the other end meanwhile: then a
        replayable request is sent once more, on a new one. Raises Broken for failures that
        may pass, Unreachable for others.
        """
        origin = Origin.of(request.url)
        body = _begun(pieces(request.body))
        if (kept := self._kept(origin)) is not None:
            try:
                return self._exchange(kept, origin, request, body)
            except Broken as error:
                closed_meanwhile = isinstance(error.__cause__, ConnectionError)
                if not request.replayable or not closed_meanwhile:
                    raise
                body = pieces(request.body)
        return self._exchange(self._connect(origin), origin, request, body)

    def close(self) -> None:
        """End every connection, also those that a thread waits on; there are no new ones."""
        with self._lock:
            self._closed = True
            idle = [connection for kept in self._idle.values() for connection in kept]
            self._idle.clear()
        for connection in idle:
            connection.close()
        self.halt()

    def halt(self) -> None:
        """End the exchanges under way, and refuse new ones, until ``resume``."""
        with self._lock:
            self._halted = True
            wires = [*self._busy.values()]
        for wire in wires:
            _cut(wire)

    def resume(self) -> None:
        """Exchanges are wanted again."""
        self._halted = False

    def put_back(self, origin: Origin, connection: Connection, kept: bool) -> None:
        """A reply is read: keep its connection for the next request, or end it."""
        with self._lock:
            self._busy.pop(connection, None)
            if kept and not self._closed:
                self._idle.setdefault(origin, []).append(connection)
                return
        connection.close()

    def _kept(self, origin: Origin) -> Connection | None:
        """The connection that was used last, if the other end has not closed it since."""
        with self._lock:
            while idle := self._idle.get(origin):
                connection = idle.pop()
                if connection.sock and not _has_something(connection.sock):
                    self._use(connection)
                    return connection
                connection.close()
        return None

    def _use(self, connection: Connection) -> None:
        """From now on ``halt`` cuts it; with the lock held, so that it misses none."""
        if self._halted:
            connection.close()
            raise Unreachable("the transfer was stopped")
        self._busy[connection] = connection.sock

    def _exchange(
        self, connection: Connection, origin: Origin, request: Request, body: Iterator[bytes]
    ) -> Reply:
        try:
            whole = self._write(connection, origin, request, body)
            connection.sock.settimeout(request.timeout)
            wire = connection.sock
            response = connection.getresponse()
            wire.settimeout(self.settings.idle_timeout)
        except BaseException as error:
            self.put_back(origin, connection, kept=False)
            if isinstance(error, FAILURES):
                raise self._failed(error, origin, request.url) from error
            raise
        self._answered.add(origin)

        def release(kept: bool) -> None:
            self.put_back(origin, connection, kept and whole)

        return Reply(response, connection, release, request.url)

    def _failed(self, error: Exception, origin: Origin, url: str) -> Unreachable:
        failure = broken(error, url)
        failure.answered = origin in self._answered
        return failure

    def _write(
        self, connection: Connection, origin: Origin, request: Request, body: Iterator[bytes]
    ) -> bool:
        """Send the request; False when the other end would not hear all of it."""
        connection.sock.settimeout(self.settings.idle_timeout)
        target = request.url if self._is_relayed(origin) else _target(request.url)
        connection.putrequest(request.method, target, skip_accept_encoding=True)
        for name, value in self._headers(request, origin).items():
            connection.putheader(name, value)
        connection.endheaders()
        for data in body:
            try:
                connection.send(data)
            except (BrokenPipeError, ConnectionResetError):
                return False  # it has said no before it had read all: that may still be there
        return True

    def _headers(self, request: Request, origin: Origin) -> dict[str, str]:
        headers = {"user-agent": "cogsmith", "accept-encoding": "identity", **request.headers}
        body = request.body
        if body or request.method in ("POST", "PUT", "PATCH"):
            headers["content-length"] = str(body.size if isinstance(body, Payload) else len(body))
        if self._is_relayed(origin):
            headers.update(proxy_headers(self._proxy(origin)))
        return headers

    def _proxy(self, origin: Origin) -> str:
        return proxy_for(origin.scheme, origin.host, self.settings.environ)

    def _is_relayed(self, origin: Origin) -> bool:
        """Whether a proxy reads our requests; https goes through it unread."""
        return origin.scheme == "http" and bool(self._proxy(origin))

    def _connect(self, origin: Origin) -> Connection:
        connection = self._new(origin)
        try:
            connection.connect()
            with self._lock:
                self._use(connection)
        except BaseException as error:
            connection.close()
            if isinstance(error, FAILURES):
                raise self._no_connection(error, origin) from error
            raise
        return connection

    def _new(self, origin: Origin) -> Connection:
        timeout = self.settings.connect_timeout
        proxy = self._proxy(origin)
        host, port = proxy_address(proxy) if proxy else (origin.host, origin.port)
        if origin.scheme == "http":
            return Connection(host, port, timeout=timeout, blocksize=BLOCK)
        context = self._context(self.settings.is_insecure(f"{origin.host}:{origin.port}"))
        secure = http.client.HTTPSConnection(
            host, port, timeout=timeout, context=context, blocksize=BLOCK
        )
        if proxy:
            secure.set_tunnel(origin.host, origin.port, proxy_headers(proxy))
        return secure

    def _context(self, insecure: bool) -> ssl.SSLContext:
        with self._lock:
            if insecure not in self._contexts:
                self._contexts[insecure] = tls(self.settings, insecure)
            return self._contexts[insecure]

    def _no_connection(self, error: Exception, origin: Origin) -> Unreachable:
        """Why there is no connection, as something that a person can act on."""
        if isinstance(error, ssl.SSLCertVerificationError):
            hint = "for a certificate of your own: COG_CA_CERT=FILE, or SSL_CERT_FILE=FILE"
            reason = error.verify_message or error.reason
            return Unreachable(f"its certificate is not to be trusted: {reason}", hint=hint)
        if isinstance(error, ssl.SSLError) and error.reason in _NO_TLS:
            hint = f"if you trust the way there: COGSMITH_INSECURE_REGISTRIES={_host(origin)}"
            return PlainOnly(f"{_host(origin)} speaks http, not https", hint=hint)
        if isinstance(error, socket.gaierror):
            return self._failed(OSError(f"no host {origin.host} is known"), origin, str(origin))
        return self._failed(error, origin, str(origin))


_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}


def _host(origin: Origin) -> str:
    return f"{origin.host}:{origin.port}"


def _has_something(wire: socket.socket) -> bool:
    """Whether something came that nobody asked for: mostly the other end's good-bye."""
    waiting = select.poll()
    waiting.register(wire, select.POLLIN)
    return bool(waiting.poll(0))


def _cut(wire: socket.socket | None) -> None:
    """End a connection under the hands of whoever waits for it."""
    if wire is not None:
        with contextlib.suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)


def pieces(body: bytes | Payload) -> Iterator[bytes]:
    """A body's bytes, exactly as many as it announced. Raises RegistryError when it cannot."""
    if isinstance(body, bytes):
        yield body
        return
    left = body.size
    try:
        for data in body.open():
            left -= len(data)
            if left < 0:
                break
            yield data
    except OSError as error:
        raise RegistryError(f"what is to be sent cannot be read: {error}") from error
    if left:
        more = "fewer" if left > 0 else "more"
        raise RegistryError(f"what is to be sent gives {more} than its {body.size} bytes")


def _begun(body: Iterator[bytes]) -> Iterator[bytes]:
    """The same, with its first bytes made already.

    That may take its time (a layer that is made on the way, or skipped to where an upload
    goes on), and a connection that waits so long for a request is closed by the other end.
    """
    first = next(body, b"")
    return chain((first,), body)


def _target(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
