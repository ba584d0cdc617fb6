"""Requests over http and https: answers that stream, failures that pass, secrets that stay.

``urllib`` carries them: a handful of large files needs no pool of connections. It follows a hub's
redirects to the stores behind it, which must not see who we are.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from cogsmith.errors import WeightsError
from cogsmith.oci import CHUNK
from cogsmith.weights.settings import Settings

__all__ = ["Passing", "Web"]

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
FAILURES = (OSError, http.client.HTTPException)
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 10
LONGEST_WAIT = 60.0  # seconds that a server may ask for


class Passing(WeightsError):
    """A failure that may pass; ``wait`` is what the server asks for, in seconds."""

    def __init__(self, message: str, *, where: str, wait: float = 0.0) -> None:
        """Hold what failed, and how long to wait."""
        self.wait = wait
        super().__init__(message, where=where)


class Web:
    """A client for sources."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self._wires = settings, _Wires()
        handlers: list[urllib.request.BaseHandler] = [
            urllib.request.ProxyHandler(_proxies(settings.environ)),
            _Connections(self._wires, _tls(settings.environ)),
            _NoRedirects(),
        ]
        self._opener = urllib.request.build_opener(*handlers)

    def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> http.client.HTTPResponse:
        """Send one request; its answer, to be closed. Raises Passing, or WeightsError."""
        given: Mapping[str, str] = {"User-Agent": "cogsmith", **(headers or {})}
        for _ in range(MAX_REDIRECTS):
            request = urllib.request.Request(url, headers=dict(given), method=method)  # noqa: S310
            try:
                return self._send(request)
            except urllib.error.HTTPError as error:
                with closing(error):
                    following = _redirected(error, url)
                    if not following:
                        raise _refused(error, bare(url)) from None
            given, url = _without_secrets(given, url, following), following
        raise WeightsError(f"redirects more than {MAX_REDIRECTS} times", where=bare(url))

    def _send(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        where = bare(request.full_url)
        try:
            answer: http.client.HTTPResponse = self._opener.open(
                request, timeout=self.settings.timeout
            )
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError as error:
            raise _unreachable(error.reason, where) from None
        except FAILURES as error:
            raise Passing(_said(error), where=where) from None
        return answer

    def document(self, url: str, headers: Mapping[str, str]) -> tuple[Any, Mapping[str, str]]:
        """The JSON that a URL answers with, and the headers; tried again as settings say."""
        failures = 0
        while True:
            try:
                with closing(self.open(url, headers=headers)) as answer:
                    data = _whole(answer, bare(url))
                    return json.loads(data), dict(answer.headers.items())
            except Passing as error:
                failures += 1
                again(error, failures, self.settings, time.sleep)
            except ValueError as error:
                raise WeightsError(f"does not answer in JSON: {error}", where=bare(url)) from None

    def bytes_from(
        self, url: str, start: int, headers: Mapping[str, str], check: str = ""
    ) -> Iterator[bytes]:
        """The bytes behind a URL from ``start`` on, whether the server knows ranges or not.

        ``check`` is the entity tag that they must have: without one, nobody could tell the rest of
        one file from the rest of another. Raises Passing when they end too early.
        """
        wanted = {**headers, "Accept-Encoding": "identity"}
        if start:
            wanted["Range"] = f"bytes={start}-"
            if check:
                wanted["If-Range"] = check
        with closing(self.open(url, headers=wanted)) as answer:
            if check and answer.headers.get("ETag") != check:
                hint = "import it again"
                raise WeightsError("has changed meanwhile", where=bare(url), hint=hint)
            skip = 0 if answer.status == 206 else start
            yield from _after(_blocks(answer, bare(url)), skip)

    def halt(self) -> None:
        """End all that is under way, under the hands of whoever waits for it."""
        self._wires.cut()


class _Wires:
    """The sockets in use; ``urllib`` has no way to end what waits on one."""

    def __init__(self) -> None:
        self._lock, self._cut = threading.Lock(), False
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def add(self, wire: socket.socket) -> None:
        """One more. Raises OSError when nothing is wanted any more."""
        with self._lock:
            if self._cut:
                raise ConnectionAbortedError("was stopped")
            self._sockets.add(wire)

    def cut(self) -> None:
        """End them all, and those that come later."""
        with self._lock:
            self._cut = True
            for wire in self._sockets:
                with suppress(OSError):  # not SSLSocket's own: it would pull the rug away
                    socket.socket.shutdown(wire, socket.SHUT_RDWR)


class _Plain(http.client.HTTPConnection):
    wires: _Wires

    def connect(self) -> None:
        super().connect()
        self.wires.add(self.sock)


class _Secure(http.client.HTTPSConnection):
    wires: _Wires

    def connect(self) -> None:
        super().connect()
        self.wires.add(self.sock)


class _Connections(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Opens connections whose sockets we know."""

    def __init__(self, wires: _Wires, context: ssl.SSLContext) -> None:
        urllib.request.HTTPSHandler.__init__(self, context=context)
        self._plain: Any = type("Plain", (_Plain,), {"wires": wires})
        self._secure: Any = type("Secure", (_Secure,), {"wires": wires})
        self._trust = context

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._plain, req)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._secure, req, context=self._trust)


def again(
    error: Passing, failures: int, settings: Settings, sleep: Callable[[float], object]
) -> None:
    """Wait before the next try. Raises the error when there is none, or it is too long."""
    if failures >= settings.tries or error.wait > LONGEST_WAIT:
        raise WeightsError(error.message, where=error.where, hint=error.hint) from None
    sleep(max(settings.pause * 2 ** (failures - 1), error.wait))


def bare(url: str) -> str:
    """A URL without its query, which may hold a signature."""
    return url.partition("?")[0]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """urllib would take our credentials along to any host."""

    def redirect_request(self, *_: object) -> None:
        return None


def _redirected(error: urllib.error.HTTPError, url: str) -> str:
    """Where an answer sends us; "" where it is no redirect. Raises WeightsError."""
    target = error.headers.get("Location", "") if error.code in REDIRECTS else ""
    if not target:
        return ""
    following = urljoin(url, target)
    kinds = urlsplit(url).scheme, urlsplit(following).scheme
    if kinds[1] not in ("http", "https") or kinds == ("https", "http"):
        raise WeightsError(f"redirects to {bare(following)}, which is not allowed", where=bare(url))
    return following


def _without_secrets(headers: Mapping[str, str], here: str, there: str) -> Mapping[str, str]:
    """The headers for another URL: another host does not learn who we are."""
    if urlsplit(here).netloc == urlsplit(there).netloc:
        return headers
    return {name: value for name, value in headers.items() if name != "Authorization"}


def _proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Proxies as variables name them; ``NO_PROXY`` is honored by urllib itself."""
    found = {
        scheme: environ.get(f"{scheme}_proxy") or environ.get(f"{scheme}_proxy".upper(), "")
        for scheme in ("http", "https")
    }
    return {scheme: proxy for scheme, proxy in found.items() if proxy}


def _tls(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Whom we trust: the system, and ``COG_CA_CERT`` besides it."""
    more = environ.get("COG_CA_CERT", "")
    try:
        context = ssl.create_default_context(
            cafile=environ.get("SSL_CERT_FILE") or None, capath=environ.get("SSL_CERT_DIR") or None
        )
        if more.lstrip().startswith("-----BEGIN"):
            context.load_verify_locations(cadata=more)
        elif more:
            folder = Path(more).is_dir()
            context.load_verify_locations(None if folder else more, more if folder else None)
    except (OSError, ssl.SSLError) as error:
        hint = "check SSL_CERT_FILE, SSL_CERT_DIR, COG_CA_CERT"
        raise WeightsError(f"certificates cannot be read: {error}", hint=hint) from None
    return context


def _refused(error: urllib.error.HTTPError, where: str) -> WeightsError:
    """What a status means to a person."""
    said = {
        401: "authentication failed (HTTP 401)",
        403: "access denied (HTTP 403)",
        404: "not found (HTTP 404)",
    }.get(error.code, f"answers HTTP {error.code} {error.reason}")
    if error.code in PASSING:
        return Passing(said, where=where, wait=_retry_after(error.headers.get("Retry-After", "")))
    made = WeightsError(said, where=where)
    made.code = f"http_{error.code}"
    return made


def _retry_after(text: str) -> float:
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _unreachable(reason: object, where: str) -> WeightsError:
    if isinstance(reason, ssl.SSLCertVerificationError):
        hint = "for a certificate of your own: COG_CA_CERT=FILE"
        said = f"its certificate is not to be trusted: {reason.verify_message}"
        return WeightsError(said, where=where, hint=hint)
    if isinstance(reason, OSError):
        return Passing(f"cannot be reached: {_said(reason)}", where=where)
    return WeightsError(f"cannot be reached: {reason}", where=where)


def _said(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "fell silent"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _blocks(answer: http.client.HTTPResponse, where: str) -> Iterator[bytes]:
    """The body in pieces; all of it, or Passing."""
    while True:
        try:
            data = answer.read(CHUNK)
        except FAILURES as error:
            raise Passing(_said(error), where=where) from None
        if not data:
            break
        yield data
    if answer.length:  # read() with a size does not mind an early end
        raise Passing("the connection ended too early", where=where)


def _whole(answer: http.client.HTTPResponse, where: str) -> bytes:
    return b"".join(_blocks(answer, where))


def _after(pieces: Iterator[bytes], skip: int) -> Iterator[bytes]:
    for data in pieces:
        if skip < len(data):
            yield data[skip:]
        skip = max(skip - len(data), 0)
