"""One registry: its address, who we are there, and how a call survives what passes by itself."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from urllib.parse import urlsplit

from cogsmith.errors import RegistryError, Unauthorized, Unreachable
from cogsmith.oci import DOCKER_HUB
from cogsmith.registry.authorizer import Authorizer, Find
from cogsmith.registry.challenge import Scope, parse_challenges
from cogsmith.registry.messages import (
    LONGEST_COMPLAINT,
    Origin,
    Payload,
    Refusal,
    Request,
    refusal,
    resolve,
    shown,
)
from cogsmith.registry.retry import PASSING, parse_retry_after
from cogsmith.registry.settings import Settings
from cogsmith.registry.tokens import TokenRequest
from cogsmith.registry.transport import Broken, PlainOnly, Reply, Transport
from cogsmith.values import dataclass

__all__ = ["Again", "Call", "Clock", "Host"]

_log = logging.getLogger(__name__)

HUB_ADDRESS = "registry-1.docker.io"
REDIRECTS = 5
UNANSWERED = 2  # tries with a host that has never answered: a name typed wrong should not wait
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One thing that we want from a registry.

    ``path`` begins with ``/v2/``, or is a whole URL that the registry itself named.
    ``doing`` and ``where`` are for errors: what cannot be done, with which reference.
    ``expected`` are the statuses that the caller knows what to do with.
    """

    method: str
    path: str
    doing: str
    where: str
    scopes: tuple[Scope, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | Payload = field(default=b"", repr=False)
    expected: frozenset[int] = frozenset({200})
    timeout: float | None = None


class Again(Exception):
    """A call failed in a way that passes; ``error`` is what it is when nobody tries again."""

    def __init__(
        self, error: RegistryError, retry_after: float = 0.0, answered: bool = True
    ) -> None:
        self.error, self.retry_after, self.answered = error, retry_after, answered
        super().__init__(str(error))


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as a registry's client sees it: now (seconds since 1970), waiting, and chance.

    ``stop`` ends every waiting at once, and with it the calls.
    """

    now: Callable[[], float]
    stop: threading.Event = field(default_factory=threading.Event)
    draw: Callable[[], float] = random.random

    def wait(self, seconds: float) -> None:
        """Raises Unreachable when the whole transfer has been stopped meanwhile."""
        if self.stop.wait(seconds):
            raise Unreachable("the transfer was stopped")

    def check(self) -> None:
        """Raise Unreachable when the whole transfer has been stopped."""
        self.wait(0)


class Host:
    """A registry by the name that references have for it (``ghcr.io``, ``localhost:5000``)."""

    def __init__(
        self, name: str, *, transport: Transport, settings: Settings, find: Find, clock: Clock
    ) -> None:
        self.name = name
        self._transport, self._settings, self.clock = transport, settings, clock
        self._lock = threading.Lock()
        self._address = ""
        self.authorizer = Authorizer(name, find, self._fetch_token, clock.now)

    def send(self, call: Call) -> Reply:
        """Make a call, again and again while what fails may pass; its answer, to be closed.

        Raises RegistryError for every status that the call does not expect.
        """
        failures = 0
        while True:
            try:
                return self.send_once(call)
            except Again as again:
                failures += 1
                self.wait(again, failures)

    def read(self, call: Call, limit: int) -> tuple[Reply, bytes]:
        """Make a call and read its answer, at most ``limit`` bytes of it, as ``send`` does."""
        failures = 0
        while True:
            try:
                with self.send_once(call) as reply:
                    return reply, reply.read(limit)
            except Broken as broken:
                again = Again(_placed(broken, call))
            except Again as failed:
                again = failed
            failures += 1
            self.wait(again, failures)

    def send_once(self, call: Call) -> Reply:
        """Make a call once. Raises Again for what passes, RegistryError for what does not."""
        try:
            reply = self._authorized(call)
        except Broken as error:
            raise Again(_placed(error, call), answered=error.answered) from error
        except RegistryError as error:
            raise _placed(error, call) from error
        if reply.status in call.expected:
            return reply
        with reply:
            said = Refusal.parse(reply.status, self._complaint(reply))
        refused = refusal(said, call.doing, where=call.where, host=self.name)
        if reply.status in PASSING:
            later = parse_retry_after(reply.header("retry-after"), self.clock.now())
            raise Again(refused, later)
        raise refused

    def wait(self, again: Again, failures: int) -> None:
        """Wait before the next try. Raises what went wrong when there is none."""
        backoff = self._settings.backoff
        delay = backoff.delay(failures, again.retry_after, self.clock.draw)
        if delay is None or (not again.answered and failures >= UNANSWERED):
            raise again.error
        _log.info("%s: trying again in %.1f s: %s", self.name, delay, again.error.message)
        self.clock.wait(delay)

    def address(self) -> str:
        """``https://host[:port]``, or ``http://`` where that is allowed and spoken."""
        name = HUB_ADDRESS if self.name == DOCKER_HUB else self.name
        if not self._settings.may_be_plain(name):
            return f"https://{name}"
        with self._lock:
            self._address = self._address or self._found(name)
            # Nobody answered: then the call itself says what is wrong, and the next one looks anew.
            return self._address or f"http://{name}"

    def _found(self, name: str) -> str:
        # What speaks https on this machine says so when it hears http; a host elsewhere is
        # asked for https first. Nothing secret is in these requests.
        schemes = ("https", "http") if self._settings.is_insecure(name) else ("http", "https")
        for scheme in schemes:
            if self._speaks(scheme, name):
                return f"{scheme}://{name}"
        return ""

    def _speaks(self, scheme: str, name: str) -> bool:
        timeout = self._settings.connect_timeout
        request = Request(method="GET", url=f"{scheme}://{name}/v2/", timeout=timeout)
        try:
            with self._transport.send(request) as reply:
                return reply.status != 400
        except (Broken, PlainOnly):
            return False
        except Unreachable:
            return True  # with a certificate that we do not trust, which the call itself says

    def _authorized(self, call: Call) -> Reply:
        url = self._allowed(resolve(f"{self.address()}/", call.path))
        timeout = call.timeout or self._settings.reply_timeout
        request = Request(
            method=call.method, url=url, headers=call.headers, body=call.body, timeout=timeout
        )
        for last in (False, True):  # a second refusal is of what was given for the first one
            used = self.authorizer.header(call.scopes)
            reply = self._followed(request, used)
            if reply.status != 401 or not reply.challenges or not self._is_ours(reply.url):
                return reply
            with reply:
                said = Refusal.parse(reply.status, self._complaint(reply))
            challenges = parse_challenges(reply.challenges)
            if last or not self.authorizer.answer(challenges, call.scopes, used):
                break
        raise self._unauthorized(said, call)

    def _followed(self, request: Request, authorization: str) -> Reply:
        """Send a request to where it is redirected; credentials stay with the registry."""
        for _ in range(REDIRECTS):
            headers = dict(request.headers)
            if authorization and self._is_ours(request.url):
                headers["authorization"] = authorization
            reply = self._transport.send(replace(request, headers=headers))
            location = reply.header("location")
            if not location or not _is_redirect(reply.status, request.method):
                return reply
            reply.close()
            request = replace(request, url=self._allowed(resolve(request.url, location)))
        raise RegistryError(f"it redirects more than {REDIRECTS} times")

    def _allowed(self, url: str) -> str:
        """Raises RegistryError for a way that leads from https to http, or to no address."""
        try:
            origin = Origin.of(url)
        except ValueError as error:
            raise RegistryError(f"it sends us elsewhere, but {error}") from error
        plain = self._settings.may_be_plain(urlsplit(url).netloc.rpartition("@")[2])
        if origin.scheme == "http" and self.address().startswith("https:") and not plain:
            hint = (
                "behind a proxy that ends TLS, a registry must be told that it is reached by https"
            )
            raise RegistryError(f"it sends us from https to http: {shown(url)}", hint=hint)
        return url

    def _is_ours(self, url: str) -> bool:
        return Origin.of(url) == Origin.of(self.address())

    def _unauthorized(self, said: Refusal, call: Call) -> RegistryError:
        source = self.authorizer.source(call.scopes)
        if self.authorizer.is_anonymous(call.scopes):
            message = f"{call.doing}: {said}"
            hint = f"cogsmith login {self.name}" + (f" ({source})" if source else "")
        else:
            message = f"{call.doing}: the credentials from {source} are not taken: {said}"
            hint = f"cogsmith login {self.name}, as somebody who may"
        return Unauthorized(message, where=call.where, hint=hint, status=401, reasons=said.codes)

    def _complaint(self, reply: Reply) -> bytes:
        try:
            return reply.read(LONGEST_COMPLAINT)
        except Broken:
            return b""

    def _fetch_token(self, asked: TokenRequest) -> tuple[int, bytes]:
        """Ask a token service, which may be elsewhere: a password goes there, over https."""
        parts = urlsplit(asked.url)
        plain = self._settings.may_be_plain(parts.netloc.rpartition("@")[2])
        if parts.scheme != "https" and not plain:
            raise ValueError(f"{shown(asked.url)} is not https")
        headers = {"authorization": asked.authorization} if asked.authorization else {}
        if asked.form is not None:
            headers["content-type"] = FORM
        method = "GET" if asked.form is None else "POST"
        request = Request(
            method=method, url=asked.url, headers=headers, body=asked.form or b"",
            timeout=self._settings.reply_timeout,
        )  # fmt: skip
        return self._token_answer(request)

    def _token_answer(self, request: Request) -> tuple[int, bytes]:
        failures = 0
        while True:
            try:
                with self._transport.send(request) as reply:
                    status, body = reply.status, reply.read(LONGEST_COMPLAINT)
                    later = parse_retry_after(reply.header("retry-after"), self.clock.now())
                if status not in PASSING:
                    return status, body
                again = Again(_no_token(request, Refusal.parse(status, body)), later)
            except Broken as broken:
                again = Again(broken, answered=broken.answered)
            failures += 1
            self.wait(again, failures)


def _no_token(request: Request, said: Refusal) -> RegistryError:
    message = f"the token service {shown(request.url)} gives no token: {said}"
    return RegistryError(message, status=said.status, reasons=said.codes)


def _is_redirect(status: int, method: str) -> bool:
    """307 and 308 for every method; 301 to 303 only where the method stays what it is."""
    return status in (307, 308) or (status in (301, 302, 303) and method in ("GET", "HEAD"))


def _placed(error: RegistryError, call: Call) -> RegistryError:
    """The same error with what could not be done, and with which reference."""
    if error.where:
        return error
    return type(error)(
        f"{call.doing}: {error.message}",
        where=call.where, hint=error.hint, status=error.status, reasons=error.reasons,
    )  # fmt: skip
