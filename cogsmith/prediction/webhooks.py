"""Webhooks: who is told of a prediction, of what, and when.

A webhook's body is the whole prediction as it stands, so one that comes late makes those
before it needless. That is why text that comes within the interval is held back and sent
once, and never lost: Cog sends all output so far on every yield, which is quadratic.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import Any

from cogsmith.errors import InvalidInput
from cogsmith.prediction.envelope import render
from cogsmith.prediction.events import Event, Finished, Log, Output, Started
from cogsmith.prediction.prediction import Prediction

INTERVAL = 0.5  # seconds between two webhooks about output or logs


class WebhookEvent(str, Enum):
    """The words of ``webhook_events_filter``."""

    START = "start"
    OUTPUT = "output"
    LOGS = "logs"
    COMPLETED = "completed"

    @classmethod
    def of(cls, event: Event) -> WebhookEvent | None:
        """What a receiver hears when this happens; None for what is not told of."""
        return _EVENTS.get(type(event))


EVERYTHING = frozenset(WebhookEvent)
_AT_ONCE = (WebhookEvent.START, WebhookEvent.COMPLETED)

_EVENTS: Mapping[type, WebhookEvent] = MappingProxyType(
    {
        Started: WebhookEvent.START,
        Output: WebhookEvent.OUTPUT,
        Log: WebhookEvent.LOGS,
        Finished: WebhookEvent.COMPLETED,
    }
)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a prediction is told of, and which of its events."""

    url: str
    events: frozenset[WebhookEvent] = EVERYTHING

    @classmethod
    def parse(cls, url: str, events: Collection[str] | None = None) -> Webhook:
        """From a request's ``webhook`` and ``webhook_events_filter``; None stands for all.

        Raises InvalidInput for a word that is none of the four. The URL is looked at when
        it is used: a bad one changes nothing in the prediction.

        >>> sorted(Webhook.parse("https://example.com", ["start", "logs"]).events)
        [<WebhookEvent.LOGS: 'logs'>, <WebhookEvent.START: 'start'>]
        """
        if events is None:
            return cls(url)
        known = [event.value for event in WebhookEvent]
        for word in events:
            if word not in known:
                raise InvalidInput(
                    f"unknown webhook event {word!r}", where="webhook_events_filter",
                    hint=f"write any of: {', '.join(known)}",
                )  # fmt: skip
        return cls(url, frozenset(WebhookEvent(word) for word in events))


class Notifier:
    """Decides, event by event, which webhook of one prediction is due.

    ``start`` and ``completed`` are due at once. ``output`` and ``logs`` share one interval
    (in seconds): the first is due at once, what comes before the interval is over is held
    back until ``due``, all of it as one webhook. Nothing is due after ``completed``; when
    that was not asked for, what is held back is still due at its time.

    Times come from any clock that never goes back.

    >>> notifier = Notifier(Webhook("https://example.com"))
    >>> notifier.told([WebhookEvent.LOGS], 10.0)
    (<WebhookEvent.LOGS: 'logs'>,)
    >>> notifier.told([WebhookEvent.OUTPUT], 10.25), notifier.due
    ((), 10.5)
    >>> notifier.lapsed(10.5), notifier.due
    (<WebhookEvent.OUTPUT: 'output'>, None)
    """

    __slots__ = ("_ended", "_held", "_interval", "_next", "_wanted")

    def __init__(self, webhook: Webhook, interval: float = INTERVAL) -> None:
        self._wanted = set(webhook.events)
        self._interval = interval
        self._next = float("-inf")  # the next webhook about output or logs comes no earlier
        self._held: WebhookEvent | None = None
        self._ended = False

    @property
    def due(self) -> float | None:
        """When ``lapsed`` is to be asked; None while nothing is held back."""
        return None if self._held is None else self._next

    def told(self, kinds: Collection[WebhookEvent], at: float) -> tuple[WebhookEvent, ...]:
        """What is due now that these have happened, in its order.

        They are in one state, and one webhook tells all of it; only an end that comes
        together with the start is another.
        """
        if self._ended:
            return ()
        self._ended = WebhookEvent.COMPLETED in kinds
        wanted = self._wanted.intersection(kinds)
        if WebhookEvent.START in wanted:
            self._wanted.discard(WebhookEvent.START)  # once
        now = tuple(kind for kind in _AT_ONCE if kind in wanted)
        if now:
            if WebhookEvent.COMPLETED in now:
                self._held = None
            return now
        self._held = next(iter(wanted), self._held)
        due = self.lapsed(at)
        return () if due is None else (due,)

    def lapsed(self, at: float) -> WebhookEvent | None:
        """What was held back, if its time has come."""
        if self._held is None or at < self._next:
            return None
        kind, self._held = self._held, None
        self._next = at + self._interval
        return kind


def payload(prediction: Prediction) -> bytes:
    """The body of a webhook: Cog's envelope as JSON.

    The output's texts go in as they are: a long output is told of many times, and must not
    be parsed for each.

    >>> payload(Prediction(id="p", iterator=True, chunks=(b'"a"', b'"b"')))[-21:]
    b'},"output":["a","b"]}'
    """
    told = render(replace(prediction, chunks=()))
    del told["output"]
    return b'{%b,"output":%b}' % (_json(told)[1:-1], _output(prediction))


def _output(prediction: Prediction) -> bytes:
    if not prediction.chunks:
        return b"null"
    if prediction.iterator:
        return b"[%b]" % b",".join(prediction.chunks)
    return prediction.chunks[-1]


def _json(value: Mapping[str, Any]) -> bytes:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: only an escape can say it
        return json.dumps(value, separators=(",", ":")).encode()
