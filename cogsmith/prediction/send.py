"""Delivers webhooks: in order, with retries for the last one, never in the server's way.

Each prediction has a :class:`Line`: one webhook of it is under way at a time, so that none
overtakes another at the receiver. What comes meanwhile waits, and the newer replaces the
older. Only the last webhook, which tells the end, is tried again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import MappingProxyType

from cogsmith.prediction.messages import Answer, Place, Request, shown
from cogsmith.prediction.webhooks import INTERVAL, Notifier, Webhook, WebhookEvent
from cogsmith.prediction.wire import exchange, within

_log = logging.getLogger(__name__)

LONGEST = 102.4  # seconds between two tries, whatever the receiver asks for
DELAYS = tuple(min(0.2 * 2**n, LONGEST) for n in range(12))  # seconds; Cog's
TIMEOUT = 30.0  # seconds for one try; Cog's
UPDATE_TIMEOUT = 10.0  # seconds, of one that is not the last: the last one waits for it
PER_HOST, IN_ALL = 16, 256  # tries at once: a host that hangs holds up no other
BACKLOG = 64 * 1024 * 1024  # bytes that may wait for one host
AGAIN = 3.0  # seconds between two tries while the server waits to stop

_FULL = "too much waits for its host already"
_TRACE = ("traceparent", "tracestate")  # W3C Trace Context
_NO_TRACE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How webhooks are delivered.

    ``token`` goes along as a bearer token, to every receiver; ``interval``, ``delays`` (one
    for each retry) and ``timeout`` (of one try) are in seconds. When ``backlog`` bytes wait
    for a host, what comes for it besides is given up at once.
    """

    token: str = field(default="", repr=False)
    interval: float = INTERVAL
    delays: tuple[float, ...] = DELAYS
    timeout: float = TIMEOUT
    per_host: int = PER_HOST
    backlog: int = BACKLOG

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Sending:
        """As Cog's environment variables say; an interval that is no number is ignored.

        >>> Sending.of({"COG_THROTTLE_RESPONSE_INTERVAL": "2"}).interval
        2.0
        """
        try:
            interval = float(environ.get("COG_THROTTLE_RESPONSE_INTERVAL", INTERVAL))
        except ValueError:
            interval = INTERVAL
        usable = 0 <= interval < float("inf")
        return cls(
            token=environ.get("WEBHOOK_AUTH_TOKEN", ""), interval=interval if usable else INTERVAL
        )


class Sender:
    """Delivers the webhooks of all predictions of one event loop.

    ``on_end`` is called for each webhook that was delivered (True) or given up (False).

    >>> sender = Sender(Sending.of(os.environ))                        # doctest: +SKIP
    >>> watch = sender.watch(webhook, lambda: payload(prediction))     # doctest: +SKIP
    >>> watch.told(WebhookEvent.OUTPUT)                                # doctest: +SKIP
    >>> await sender.drain(30), await sender.close()  # in the end     # doctest: +SKIP
    """

    def __init__(
        self, sending: Sending | None = None, on_end: Callable[[bool], None] | None = None
    ) -> None:
        self.sending = sending or Sending()
        self._on_end = on_end or _unheard
        self._lines: set[Line] = set()
        self._hosts: dict[str, _Host] = {}
        self._in_all = asyncio.Semaphore(IN_ALL)
        self._hurry = asyncio.Event()

    @property
    def pending(self) -> int:
        """How many predictions have a webhook under way or waiting."""
        return len(self._lines)

    def watch(
        self, webhook: Webhook, state: Callable[[], bytes], *, name: str = "",
        trace: Mapping[str, str] = _NO_TRACE,
    ) -> Watch:  # fmt: skip
        """Tell a receiver of one prediction.

        ``state`` makes the body: the prediction as it stands when it is called. ``name`` is
        the prediction's, for the log; ``trace`` holds the headers of its request, of which
        those of W3C Trace Context are passed on.
        """
        notifier = Notifier(webhook, self.sending.interval)
        return Watch(notifier, self.line(webhook.url, name=name, trace=trace), state)

    def line(self, url: str, *, name: str = "", trace: Mapping[str, str] = _NO_TRACE) -> Line:
        """The webhooks of one prediction. A URL that cannot be used is logged, once."""
        try:
            Place.parse(url)
        except ValueError as error:
            _log.warning("webhook %s of prediction %s is not sent: %s", shown(url), name, error)
            url = ""
        return Line(self, self._lines, url, name, trace)

    async def deliver(
        self, url: str, payload: bytes, *, terminal: bool, trace: Mapping[str, str] = _NO_TRACE
    ) -> bool:
        """Deliver one webhook; False when its receiver did not take it.

        A terminal one is tried again when there was no answer, or one of 429, 500, 502, 503
        and 504, with growing delays, or later if the receiver says so (Retry-After). Any
        other answer is final, a redirect, too. What went wrong is logged.
        """
        request = Request("POST", url, self._headers(trace), payload)
        with self._host(url, len(payload) + 1) as host:
            problem = await self._delivered(request, host, terminal) if host else _FULL
        if problem:
            level = logging.ERROR if terminal else logging.INFO
            _log.log(level, "webhook to %s was not taken: %s", shown(url), problem)
        self._on_end(not problem)
        return not problem

    async def drain(self, limit: float) -> int:
        """Wait for the webhooks that tell an end, for at most ``limit`` seconds.

        Those that wait for another try get it now. Answers how many were given up, which
        are logged, too.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + limit
        while (ending := [line for line in self._lines if line.ending]) and loop.time() < end:
            self._hurry.set()
            self._hurry.clear()
            tasks = [line.task for line in ending if line.task is not None]
            await asyncio.wait(tasks, timeout=min(AGAIN, end - loop.time()))
        for line in ending:
            _log.error("webhook to %s of prediction %s is given up", shown(line.url), line.name)
            self._on_end(False)
        await self._stop(ending)
        return len(ending)

    async def close(self) -> None:
        """Let go of everything that is still under way."""
        await self._stop(list(self._lines))

    async def _stop(self, lines: list[Line]) -> None:
        tasks = [line.task for line in lines if line.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _delivered(self, request: Request, host: _Host, terminal: bool) -> str:
        """Try until it is taken or there is no hope; answers what went wrong, or ""."""
        timeout = self.sending.timeout if terminal else min(self.sending.timeout, UPDATE_TIMEOUT)
        left = [*(self.sending.delays if terminal else ())]
        while not (answer := await self._tried(request, host, timeout)).ok:
            if not (answer.passing and left):
                return str(answer)
            delay = pause(left.pop(0), answer.headers.get("retry-after", ""), time.time())
            _log.info("webhook to %s: %s; again in %.1f s", shown(request.url), answer, delay)
            with suppress(asyncio.TimeoutError):
                await within(delay, self._hurry.wait())
        return ""

    async def _tried(self, request: Request, host: _Host, timeout: float) -> Answer:
        async with host.gate, self._in_all:
            try:
                return await within(timeout, exchange(request, timeout))
            except asyncio.TimeoutError:
                return Answer(0, f"no answer within {timeout:g} s", passing=True)

    @contextmanager
    def _host(self, url: str, size: int) -> Iterator[_Host | None]:
        """The host of a URL, for as long as there is something for it; None if it is full."""
        name = shown(url).partition("://")[2].partition("/")[0].lower()
        host = self._hosts.setdefault(name, _Host(asyncio.Semaphore(self.sending.per_host)))
        if host.waiting and host.waiting + size > self.sending.backlog:
            yield None
            return
        host.waiting += size
        try:
            yield host
        finally:
            host.waiting -= size
            if not host.waiting:
                del self._hosts[name]

    def _headers(self, trace: Mapping[str, str]) -> dict[str, str]:
        headers = {"content-type": "application/json"}
        if self.sending.token:
            headers["authorization"] = f"Bearer {self.sending.token}"
        return headers | {name: trace[name] for name in _TRACE if name in trace}


def _unheard(_delivered: bool) -> None:
    """Nobody counts."""


@dataclass(slots=True)
class _Host:
    """A receiver's host: so many tries at once, and the bytes that wait for it."""

    gate: asyncio.Semaphore
    waiting: int = 0


class Line:
    """The webhooks of one prediction, one after the other. Made by ``Sender.line``."""

    def __init__(
        self, sender: Sender, lines: set[Line], url: str, name: str, trace: Mapping[str, str]
    ) -> None:
        self.url, self.name = url, name
        self.task: asyncio.Task[None] | None = None
        self.ending = False  # the last webhook is waiting or under way
        self._sender, self._lines, self._trace = sender, lines, trace
        self._waiting: tuple[bytes, bool] | None = None

    def put(self, payload: bytes, *, terminal: bool = False) -> None:
        """Send this after what is under way, instead of what waits; nothing after the last."""
        if self.ending or not self.url:
            return
        self.ending = terminal
        if self.task is not None:
            self._waiting = payload, terminal
        else:
            self._lines.add(self)
            self.task = asyncio.get_running_loop().create_task(self._run(payload, terminal))

    async def _run(self, payload: bytes, terminal: bool) -> None:
        try:
            await self._sender.deliver(self.url, payload, terminal=terminal, trace=self._trace)
            while self._waiting is not None:
                (payload, terminal), self._waiting = self._waiting, None
                await self._sender.deliver(self.url, payload, terminal=terminal, trace=self._trace)
        finally:
            self._lines.discard(self)
            self.task = None


class Watch:
    """Tells a receiver of one prediction as it goes on. Made by ``Sender.watch``."""

    def __init__(self, notifier: Notifier, line: Line, state: Callable[[], bytes]) -> None:
        self._notifier, self._line, self._state = notifier, line, state
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def told(self, *kinds: WebhookEvent) -> None:
        """These have happened, and ``state`` tells of them by now. Returns at once."""
        for due in self._notifier.told(kinds, self._loop.time()):
            self._send(due)
        self._wait()

    def close(self) -> None:
        """Tell nothing more; what is under way goes on."""
        if self._timer is not None:
            self._timer.cancel()

    def _send(self, due: WebhookEvent) -> None:
        if self._line.url:
            self._line.put(self._state(), terminal=due is WebhookEvent.COMPLETED)

    def _wait(self) -> None:
        if self._timer is None and self._notifier.due is not None:
            self._timer = self._loop.call_at(self._notifier.due, self._lapsed)

    def _lapsed(self) -> None:
        self._timer = None
        if (due := self._notifier.lapsed(self._loop.time())) is not None:
            self._send(due)
        self._wait()


def pause(delay: float, retry_after: str, now: float) -> float:
    """Seconds until the next try: ours, or the receiver's if it wants more, within reason.

    ``retry_after`` is the header: seconds, or a date; ``now`` is in seconds since 1970.

    >>> pause(0.2, "3", 0), pause(0.2, "Thu, 01 Jan 1970 00:00:09 GMT", 4), pause(0.2, "1e9", 0)
    (3.0, 5.0, 0.2)
    """
    wanted = float(retry_after) if retry_after.isdecimal() else _date(retry_after) - now
    return max(delay, min(wanted, LONGEST))


def _date(text: str) -> float:
    from email.utils import parsedate_to_datetime  # 8 ms, which few servers ever need

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0
