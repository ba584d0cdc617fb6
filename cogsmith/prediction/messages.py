"""HTTP's messages, as bytes and back: requests, the heads of answers, and URLs."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import SplitResult, quote, unquote, urlsplit

from cogsmith import __version__

USER_AGENT = f"cogsmith/{__version__}"
RETRIED = frozenset({429, 500, 502, 503, 504})  # worth another try, as in Cog

_SAFE = "/%:@!$&'()*+,;=~"
_PORTS = {"http": 80, "https": 443}
# A value that came with a request must not end its line here.
_ONE_LINE = {ord("\r"): " ", ord("\n"): " ", 0: " "}


class Body(Protocol):
    """Bytes that are made while they are sent; ``length`` counts them before."""

    @property
    def length(self) -> int: ...  # noqa: D102 - the class says it

    def pieces(self) -> AsyncGenerator[bytes, None]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of whom. Host, length and user agent are added to ``headers``."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Body = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer: its status, reason phrase and headers, named in lower case.

    Without an answer the status is 0 and ``reason`` says why. ``passing`` says that the
    same request may fare better later.
    """

    status: int
    reason: str
    headers: Mapping[str, str] = field(default_factory=dict)
    passing: bool = False

    @property
    def ok(self) -> bool:
        """Whether the receiver has taken it."""
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return f"{self.status} {self.reason}".strip() if self.status else self.reason


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads to, as the wire needs it."""

    scheme: str
    host: str
    port: int
    path: str
    login: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> Place:
        """Take a URL apart. Raises ValueError, worded to follow the URL.

        >>> Place.parse("http://example.com/größe?a=b c").path
        '/gr%C3%B6%C3%9Fe?a=b%20c'
        """
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").encode("idna").decode()
            port = parts.port
        except ValueError as error:
            raise ValueError(f"it is not a URL: {error}") from None
        if parts.scheme not in _PORTS:
            raise ValueError(f"only http and https are spoken, not {parts.scheme or 'a bare path'}")
        if not host:
            raise ValueError("it names no host")
        query = f"?{quote(parts.query, safe=f'{_SAFE}?')}" if parts.query else ""
        path = quote(parts.path or "/", safe=_SAFE) + query
        return cls(parts.scheme, host, port or _PORTS[parts.scheme], path, _login(parts))

    @property
    def name(self) -> str:
        """Host and port, as a Host header says them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def proof(self, prefix: str = "") -> dict[str, str]:
        """The header that a login in the URL makes."""
        return {f"{prefix}authorization": self.login} if self.login else {}


def _login(parts: SplitResult) -> str:
    if parts.username is None:
        return ""
    words = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {b64encode(words.encode()).decode()}"


def shown(url: str) -> str:
    """A URL as it may be shown: without password and query, which may hold secrets.

    >>> shown("https://me:secret@example.com:8443/hook?token=1")
    'https://example.com:8443/hook'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a URL that cannot be read"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def head(request: Request, place: Place, proxy: Place | None = None) -> bytes:
    """A request up to its body; a proxy of plain HTTP is told the whole URL."""
    body, path, proof = request.body, place.path, place.proof()
    if proxy is not None and place.scheme == "http":
        path, proof = f"http://{place.name}{path}", proof | proxy.proof("proxy-")
    headers = {
        "host": place.name,
        "user-agent": USER_AGENT,
        "accept": "*/*",
        "content-length": str(len(body) if isinstance(body, bytes) else body.length),
        "connection": "close",
        **proof,
        **{name.lower(): value for name, value in request.headers.items()},
    }
    return _lines(f"{request.method} {path}", headers)


def connect(place: Place, proxy: Place) -> bytes:
    """What asks a proxy for a way to a place."""
    target = place.name if place.port != _PORTS[place.scheme] else f"{place.name}:{place.port}"
    return _lines(f"CONNECT {target}", {"host": target, **proxy.proof("proxy-")})


def _lines(first: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{first} HTTP/1.1", *map(": ".join, headers.items()), "", ""]
    return "\r\n".join(line.translate(_ONE_LINE) for line in lines).encode("latin-1", "replace")


def parsed(received: bytes) -> Answer:
    r"""The head of an answer. Raises ValueError when it is none.

    >>> str(parsed(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\n\r\n"))
    '503 Service Unavailable'
    """
    first, *lines = received.decode("latin-1").split("\r\n")
    version, status, reason = [*first.split(" ", 2), "", ""][:3]
    if not version.startswith("HTTP/") or not (status.isdecimal() and len(status) == 3):
        raise ValueError(first)
    fields = (line.partition(":") for line in lines if ":" in line)
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    return Answer(int(status), reason, headers, passing=int(status) in RETRIED)
