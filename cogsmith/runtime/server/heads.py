"""What a request's head may be (RFC 9112, 2 to 7), beyond what the parser refuses by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cogsmith.runtime.server.exchange import Exchange
from cogsmith.runtime.server.limits import Limits

Refusal = tuple[int, bytes]
"""A status, and why."""

TWO_HOSTS: Final[Refusal] = (400, b"a request has one Host header")
_NO_HOST: Final[Refusal] = (400, b"a request of HTTP/1.1 has a Host header")
MANY_HEADERS: Final[Refusal] = (431, b"the request has too many headers")
LONG_HEAD: Final[Refusal] = (431, b"the request's head is too long")


def fault(exchange: Exchange, version: str, target: bytes, limits: Limits) -> Refusal | None:
    """What forbids a request with this head, if anything does (RFC 9112, 2 to 7)."""
    headers = exchange.headers
    if version not in ("1.0", "1.1"):
        return 505, b"this server speaks HTTP/1.1"
    if len(headers) > limits.headers:
        return MANY_HEADERS
    if len(target) + weight(headers) > limits.head:
        return LONG_HEAD
    if version == "1.0":
        exchange.chunks = False
        if b"transfer-encoding" in headers:
            return 400, b"HTTP/1.0 has no Transfer-Encoding"
    elif b"host" not in headers:
        return _NO_HOST
    if exchange.method == "CONNECT":
        return 400, b"CONNECT is for proxies"
    if target[:1] != b"/" and not _reformed(exchange, target):
        return 400, b"the request's target is no path"
    if headers.get(b"transfer-encoding", b"chunked").strip().lower() != b"chunked":
        return 501, b"of all transfer codings this server knows only chunked"
    if headers.get(b"expect", b"100-continue").strip().lower() != b"100-continue":
        return 417, b"of all expectations this server knows only 100-continue"
    return None


def _reformed(exchange: Exchange, target: bytes) -> bool:
    """Take the path out of a whole address, as proxies send it (RFC 9112, 3.2.2)."""
    if target == b"*":
        return exchange.method == "OPTIONS"
    scheme, found, rest = target.partition(b"://")
    if not found or scheme.lower() not in (b"http", b"https"):
        return False
    before, mark, query = rest.partition(b"?")
    host, slash, path = before.partition(b"/")
    exchange.headers[b"host"] = host
    exchange.path = (slash + path or b"/").decode("latin-1")
    exchange.query = query.decode("latin-1") if mark else ""
    return True


def weight(headers: Mapping[bytes, bytes]) -> int:
    """How many bytes these headers are, with colons and ends of lines."""
    return sum(len(name) + len(value) + 4 for name, value in headers.items())


def without_upgrade(exchange: Exchange, target: bytes, version: str) -> bytes:
    """The same head, without its offer of another protocol (RFC 9110, 7.8)."""
    lines = [b"%b %b HTTP/%b" % (exchange.method.encode(), target, version.encode())]
    kept = {name: value for name, value in exchange.headers.items() if name != b"upgrade"}
    words = [word.strip() for word in kept.get(b"connection", b"").lower().split(b",")]
    stays = b"keep-alive" in words if version == "1.0" else b"close" not in words
    kept[b"connection"] = b"keep-alive" if stays else b"close"
    lines += [b"%b: %b" % header for header in kept.items()]
    return b"\r\n".join([*lines, b"", b""])
