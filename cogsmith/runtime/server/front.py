"""From a request's path to what answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

from cogsmith.runtime.server.http import Exchange

Handler = Callable[[Exchange], None]
NamedHandler = Callable[[Exchange, str], None]

# Answered without a key: probes, and the page that asks for it.
OPEN: Final = frozenset({"/health-check", "/livez", "/readyz", "/", "/docs", "/favicon.ico"})
UNAUTHORIZED: Final = (
    b'{"error":"this server wants a key: send it as  Authorization: Bearer KEY","status":"failed"}'
)
NOT_UTF_8: Final = b'{"error":"the path is not UTF-8","status":"failed"}'
FOREIGN: Final = b'{"error":"this may not be asked for by a page of another origin"}'


class Front:
    """The table of routes.

    ``keys`` are those that a client may show, if it must show one. A route is a path, or a
    prefix with one name after it and perhaps a word after that: ``/predictions/{id}/cancel``.
    """

    def __init__(self, keys: tuple[str, ...], observe: Callable[[Exchange, int], None]) -> None:
        self._keys = [key.encode() for key in keys]
        # hmac imports OpenSSL's hashes, which nobody needs who has no keys.
        self._same: Any = import_module("hmac").compare_digest if keys else None
        self._observe = observe
        self._exact: dict[str, dict[str, Handler]] = {}
        self._named: dict[tuple[str, str], dict[str, NamedHandler]] = {}
        self._below: list[tuple[str, str, Handler]] = []
        self._open: set[str] = set(OPEN)

    def route(self, method: str, path: str, handler: Handler, *, free: bool = False) -> None:
        """Answer a path; ``free`` asks for no key."""
        self._exact.setdefault(path, {})[method] = handler
        if free:
            self._open.add(path)

    def named(self, method: str, prefix: str, handler: NamedHandler, after: str = "") -> None:
        """Answer ``/prefix/{name}`` or ``/prefix/{name}/after``."""
        self._named.setdefault((prefix, after), {})[method] = handler

    def below(self, method: str, prefix: str, handler: Handler) -> None:
        """Answer every path that begins so and has no route of its own."""
        self._below.append((method, prefix, handler))

    def screen(self, exchange: Exchange) -> bool:
        """Whether the body of this request would be looked at: not without a key."""
        return not self._keys or exchange.path in self._open or self._admitted(exchange)

    def observe(self, exchange: Exchange, status: int) -> None:
        """Tell of an answer whose status is known now."""
        self._observe(exchange, status)

    def handle(self, exchange: Exchange) -> None:
        """Answer a request, now or later."""
        path = exchange.path
        exchange.observe = self._observe
        if self._keys and path not in self._open and not self._admitted(exchange):
            exchange.route = path if path in self._exact else "other"
            exchange.reply(401, UNAUTHORIZED, headers={b"www-authenticate": b"Bearer"})
            return
        methods = self._exact.get(path)
        if methods is not None:
            exchange.route = path
            handler = methods.get(_method(exchange))
            if handler is not None:
                handler(exchange)
            else:
                _not_allowed(exchange, methods)
            return
        self._by_name(exchange)

    def _by_name(self, exchange: Exchange) -> None:
        try:
            parts = exchange.segments
        except UnicodeDecodeError:
            exchange.reply(400, NOT_UTF_8)
            return
        if len(parts) in (2, 3) and all(parts[1:]):
            after = parts[2] if len(parts) == 3 else ""
            methods = self._named.get((parts[0], after))
            if methods is not None:
                exchange.route = f"/{parts[0]}/{{id}}" + (f"/{after}" if after else "")
                handler = methods.get(_method(exchange))
                if handler is not None:
                    handler(exchange, parts[1])
                else:
                    _not_allowed(exchange, methods)
                return
        for method, prefix, below in self._below:
            if exchange.path.startswith(prefix) and exchange.path != prefix:
                exchange.route = f"{prefix}{{name}}"
                if method == _method(exchange):
                    below(exchange)
                else:
                    _not_allowed(exchange, {method: below})
                return
        exchange.reply(204 if exchange.path == "*" else 404)  # OPTIONS *: a ping

    def _admitted(self, exchange: Exchange) -> bool:
        scheme, _, shown = exchange.headers.get(b"authorization", b"").partition(b" ")
        shown = shown.strip()
        fits = [self._same(shown, key) for key in self._keys]
        return scheme.lower() == b"bearer" and any(fits)


def _method(exchange: Exchange) -> str:
    """HEAD is answered as GET is; the connection leaves the body out."""
    return "GET" if exchange.method == "HEAD" else exchange.method


def _not_allowed(exchange: Exchange, methods: Mapping[str, object]) -> None:
    allowed = sorted({*methods, *(["HEAD"] if "GET" in methods else [])})
    exchange.reply(405, headers={b"allow": ", ".join(allowed).encode()})


def own_origin(exchange: Exchange) -> bool:
    """Whether a request comes from no page, or from a page of this server.

    A page of any site may POST to a server on its reader's machine (CSRF); what would stop
    the server is for its own page alone.
    """
    origin = exchange.headers.get(b"origin")
    return origin is None or origin.partition(b"://")[2] == exchange.headers.get(b"host", b"")
