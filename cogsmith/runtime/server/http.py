"""HTTP/1.1 over one listening socket.

uvicorn would do the same for three times the CPU of an echo
(docs/adr/0005-a-server-of-our-own.md). A request and its answer are an ``Exchange``, a client's
socket is a ``Connection``.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from cogsmith.errors import CogsmithError
from cogsmith.runtime.server.connection import Connection
from cogsmith.runtime.server.exchange import EVENTS, JSON, TEXT, Exchange
from cogsmith.runtime.server.limits import Limits

__all__ = ["EVENTS", "JSON", "TEXT", "Exchange", "Gate", "Handler", "Server"]

_log = logging.getLogger("cogsmith.server")

SWEEP: Final = 5.0  # seconds between two looks for connections that take too long
FLUSH: Final = 5.0  # seconds in which last answers may still leave when the server ends
DESCRIPTORS: Final = 100  # that are not connections: workers, files, webhooks
PORTS: Final = "ports are 0 to 65535; 0 takes a free one"

Handler = Callable[[Exchange], None]


class Gate(Protocol):
    """Who looks at requests before their bodies are there."""

    def screen(self, exchange: Exchange) -> bool:
        """Whether the handler would look at the body of this request, by its head."""

    def observe(self, exchange: Exchange, status: int) -> None:
        """An answer to what never was a request."""


class Server:
    """All connections of one listening socket.

    ``handler`` answers, now or later, every exchange that it is given.
    """

    def __init__(self, handler: Handler, limits: Limits, gate: Gate | None = None) -> None:
        self.limits = limits
        self.closing = False
        self.screen: Callable[[Exchange], bool] = gate.screen if gate else _anybody
        self.observe = gate.observe if gate else None
        self._handler = handler
        self._connections: set[Connection] = set()
        self._most = min(limits.connections, _descriptors() - DESCRIPTORS)
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        self.soon = self._loop.call_soon
        self._listening: asyncio.Server | None = None
        self._emptied: asyncio.Event | None = None
        self._pause = _pause(limits)
        self._sweeping = self._loop.call_later(self._pause, self._sweep)

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._connections)

    async def listen(self, host: str, port: int) -> int:
        """Accept connections from now on; answers the port. Raises CogsmithError."""
        if not 0 <= port < 65536:  # libuv would take what is left of it
            raise CogsmithError(f"cannot listen at port {port}: there is none", hint=PORTS)
        try:
            self._listening = await self._loop.create_server(
                lambda: Connection(self), host, port, backlog=2048
            )
        except (OSError, UnicodeError) as problem:
            raise _cannot_listen(problem, host, port) from None
        return int(self._listening.sockets[0].getsockname()[1])

    def handle(self, exchange: Exchange) -> None:
        """Give a request to the handler: the outer wall, where our own bugs become a 500."""
        try:
            self._handler(exchange)
        except Exception:
            _log.exception("%s %s: a bug of ours", exchange.method, exchange.path)
            exchange.fail()

    def tell(self, call: Callable[[], None]) -> None:
        """Call back whoever answers: the same wall."""
        try:
            call()
        except Exception:
            _log.exception("a bug of ours in the middle of an answer")

    def entered(self, connection: Connection) -> bool:
        """A connection was made; False when there are too many."""
        self._connections.add(connection)
        return len(self._connections) <= self._most

    def left(self, connection: Connection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        if self._emptied is not None and not self._connections:
            self._emptied.set()

    def rest(self) -> None:
        """Answer what is there, one last time on each connection."""
        self.closing = True
        for connection in list(self._connections):
            connection.rest()

    async def close(self) -> None:
        """Stop accepting, and let go of every connection when its last answer has left."""
        if self._listening is not None:
            self._listening.close()
        for connection in list(self._connections):
            connection.leave()
        if self._connections:
            self._emptied = asyncio.Event()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._emptied.wait(), FLUSH)
        self._sweeping.cancel()
        for connection in list(self._connections):
            connection.abort()
        await asyncio.sleep(0)

    def _sweep(self) -> None:
        now = self.now()
        for connection in list(self._connections):
            connection.late(now)
        self._sweeping = self._loop.call_later(self._pause, self._sweep)


def _pause(limits: Limits) -> float:
    """Seconds between two looks: few enough for the shortest limit."""
    times = (limits.request_timeout, limits.idle_timeout, limits.send_timeout)
    return min([SWEEP, *[max(0.01, limit / 4) for limit in times if limit]])


def _anybody(_exchange: Exchange) -> bool:
    return True


def _descriptors() -> int:
    """How many files and sockets this process may have open; more are never accepted."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1 << 30


def _cannot_listen(problem: Exception, host: str, port: int) -> CogsmithError:
    """Why nobody can be heard there, and what to do."""
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    number = problem.errno if isinstance(problem, OSError) else None
    if number == errno.EADDRINUSE:
        reason, hint = "another program listens there", "choose another port, or end that program"
    elif number in (errno.EACCES, errno.EPERM):
        reason, hint = "that is not allowed", "ports below 1024 are for root: choose another port"
    elif number == errno.EADDRNOTAVAIL:
        reason, hint = "this machine has no such address", "127.0.0.1 is here, 0.0.0.0 everywhere"
    elif isinstance(problem, (socket.gaierror, UnicodeError)):
        reason, hint = "no such host", "127.0.0.1 is here, 0.0.0.0 everywhere"
    else:
        reason, hint = str(problem), ""
    return CogsmithError(f"cannot listen at {shown}: {reason}", hint=hint)
