"""One prediction as the server knows it, from its acceptance until it is forgotten.

What happens is appended to one history; whoever listens has a place in it and reads on from
there, at the end of the turn of the loop. So a hundred tokens that came in one read become one
write, and a slow reader costs no second copy.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Union

from cogsmith.prediction import Event, Finished, Log, Metric, Output, Status, record
from cogsmith.runtime.client import NO_CONTEXT

# Outputs that come faster than this are written together: a write costs as much as fifty tokens.
BURST = 0.001  # seconds

_NOWHERE: deque[bytes | Event] = deque(maxlen=0)  # where goes what is said after the end

Item = Union[bytes, Log, Metric]  # noqa: UP007 - an alias at run time, 3.10 too
"""What the history holds: an output's JSON text, a log, a metric."""


class Listener(Protocol):
    """Who follows a prediction. One that does not ``reads`` is told of the end alone."""

    reads: bool

    def flush(self) -> None:
        """There may be more in the history, or another status."""

    def end(self) -> None:
        """The prediction has ended; nothing follows."""


class Turn:
    """Those that have something new, until the end of this turn of the loop.

    ``measure`` hears of their outputs, ``said`` of what they print.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._fresh: list[Record] = []
        self._flushed = 0.0
        self.measure: Callable[[Record, int], None] = _nothing
        self.said: Callable[[Log], None] = _unsaid

    def add(self, one: Record) -> None:
        """Let this prediction's listeners read at the end of the turn, or of the burst."""
        if not self._fresh:
            if self._loop.time() - self._flushed > BURST:
                self._loop.call_soon(self._flush)
            else:
                self._loop.call_later(BURST, self._flush)
        self._fresh.append(one)

    def _flush(self) -> None:
        self._flushed = self._loop.time()
        fresh, self._fresh = self._fresh, []
        for one in fresh:
            one.flush()


class Record:
    """A prediction, its history, and who listens. A worker's sink.

    ``given`` is the completed inputs as JSON text. ``keep`` says that it goes on when the last
    listener leaves, ``expired`` that it never got a slot. ``accepted`` and ``last`` (its last
    output) are by the loop's clock, the other times are seconds since 1970. ``verdict`` says why
    we cancel it: it then fails with these words.
    """

    # What most predictions never change is said here once, and not in every one of them.
    context: Mapping[str, str] = NO_CONTEXT
    status = Status.STARTING
    ended = False  # whether the status is a last one
    error = verdict = ""
    created_at = accepted = last = 0.0
    started_at: float | None = None
    completed_at: float | None = None
    outputs = size = number = 0
    keep = expired = False
    worker: Any = None  # the Worker that runs it
    on_end: Callable[[Record], None]
    on_free: Callable[[], None]
    on_files: Callable[[Record, Output], None]
    _fresh = 0
    _held: deque[bytes | Event] | None = None

    def __init__(self, id: str, given: bytes, *, iterator: bool, turn: Turn) -> None:  # noqa: A002
        self.id = id
        self.given = given
        self.iterator = iterator
        self.turn = turn
        self.history: list[Item] = []
        self.metrics: dict[str, Any] = {}
        self.listeners: list[Listener] = []  # clients: without any it is canceled
        self.watchers: list[Listener] = []  # webhooks, traces: they keep nothing running
        self._followed = iterator  # whether somebody wants to know what is new before the end
        self._holding: set[int] = set()

    @property
    def chunks(self) -> list[bytes]:
        """The outputs so far."""
        return [item for item in self.history if type(item) is bytes]

    @property
    def logs(self) -> str:
        """What was printed so far."""
        return "".join(item.text for item in self.history if type(item) is Log)

    # --- what the worker says

    def output(self, json: bytes) -> None:
        """Take an output; there is one for every token."""
        if self._held is not None:
            self._held.append(json)
            return
        self.history.append(json)
        self.outputs += 1
        self.size += len(json)
        if self._fresh:
            self._fresh += 1
        elif self._followed:
            self._fresh = 1
            self.turn.add(self)

    def begin(self, at: float) -> None:
        """It goes to a worker."""
        self.status, self.started_at = Status.PROCESSING, at
        for watcher in self.watchers:
            watcher.flush()  # now: at the end of the turn it may have ended already
        self._news()

    def succeeded(self, at: float, seconds: float) -> None:
        """The usual end: ``put`` without an event."""
        if self._held is None:
            self._finish(Status.SUCCEEDED, "", at, seconds)
        else:
            self.put(Finished(at=at, status=Status.SUCCEEDED, predict_time=seconds))

    def put(self, event: Event) -> None:
        """Take any other event."""
        if self._held is not None:
            if type(event) is not Finished:
                self._held.append(event)
            elif self.ended:
                self.on_free()  # we ended it; only now its worker has done with it
            elif event.status is Status.CANCELED:
                self.end(event)  # nobody waits for its files any more
            else:
                self._held.append(event)
        elif type(event) is Finished:
            self._finish(event.status, event.error, event.at, event.predict_time)
        elif type(event) is Output:
            if event.files:
                self._held = deque()
                self.on_files(self, event)
            else:
                self.output(event.json)
        elif isinstance(event, (Log, Metric)):
            if isinstance(event, Metric):
                self._record(event)
            else:
                self.turn.said(event)
            self.history.append(event)
            self._news()

    def release(self, json: bytes) -> None:
        """An output's files have left: here is the output, and what waited behind it follows."""
        if self.ended:
            return
        held, self._held = self._held or deque(), None
        self.output(json)
        for item in held:  # with another output of files, those behind it are held again
            if isinstance(item, bytes):
                self.output(item)
            else:
                self.put(item)

    def fail(self, error: str, at: float) -> None:
        """End it with an error of ours, whatever the worker still says."""
        spent = at - self.started_at if self.started_at else 0.0
        self.end(Finished(at=at, status=Status.FAILED, error=error, predict_time=spent))

    def end(self, event: Finished) -> None:
        """End it now, whatever the worker still says."""
        if not self.ended:
            self._held = None
            self._finish(event.status, event.error, event.at, event.predict_time)

    def _finish(self, status: Status, error: str, at: float, seconds: float) -> None:
        if self.ended:
            return
        self.ended, self._held = True, _NOWHERE
        if self.verdict and status is Status.CANCELED:
            status, error = Status.FAILED, self.verdict
        self.status, self.error, self.completed_at = status, error, at
        self.metrics["predict_time"] = seconds
        self.on_end(self)  # first: the slot is free before anybody hears of the end
        if self._followed:
            self.flush()
        for listener in self.let_go():
            listener.end()

    def let_go(self) -> tuple[Listener, ...]:
        """Forget those who listen: with them it would be a cycle that only the collector ends."""
        followers = (*self.listeners, *self.watchers)
        self.listeners, self.watchers = [], []
        return followers

    def _record(self, metric: Metric) -> None:
        known = self.metrics.get(metric.name)
        if metric.mode == "append" and type(known) is list:
            known.append(metric.value)  # ours: made by the first append, shown to nobody yet
        elif "." not in metric.name and metric.mode == "replace" and metric.value is not None:
            self.metrics[metric.name] = metric.value
        else:
            self.metrics = record(self.metrics, metric)

    # --- who listens

    def follow(self, listener: Listener) -> None:
        """Let a listener read from the beginning of the history."""
        if self.ended:
            listener.flush()
            listener.end()
        else:
            self.listeners.append(listener)
            if listener.reads:
                self._followed = True
                self._news()

    def watch(self, watcher: Listener) -> None:
        """Let somebody follow who keeps nothing running."""
        self.watchers.append(watcher)
        self._followed = True

    def unfollow(self, listener: Listener) -> bool:
        """Forget a listener; answers whether the prediction should go on."""
        if listener in self.listeners:
            self.listeners.remove(listener)
        self.go_on(listener)
        return self.keep or bool(self.listeners) or self.ended

    def hold(self, listener: Listener) -> None:
        """A listener is too far behind: let the predictor wait."""
        if not self._holding and self.worker is not None and not self.ended:
            self.worker.pause(self.number)
        self._holding.add(id(listener))

    def go_on(self, listener: Listener) -> None:
        """It has caught up, or left."""
        if id(listener) in self._holding:
            self._holding.discard(id(listener))
            if not self._holding and self.worker is not None and not self.ended:
                self.worker.resume(self.number)

    def flush(self) -> None:
        """Let every listener read what is new."""
        count, self._fresh = self._fresh, 0
        if count:
            self.turn.measure(self, count)
        for listener in self.listeners:
            listener.flush()
        for watcher in self.watchers:
            watcher.flush()

    def _news(self) -> None:
        """Something other than an output is new."""
        if self._followed and not self._fresh and (self.listeners or self.watchers):
            self.turn.add(self)


def _nothing(_record: Record, _count: int) -> None:
    """Nobody measures."""


def _unsaid(_log: Log) -> None:
    """Nobody repeats it."""


def _unheard(_record: Record) -> None:
    """Nobody listens."""


def _unused() -> None:
    """Nobody waits for its slot."""


def _unhandled(record: Record, output: Output) -> None:
    """Files stay where they are."""
    record.release(output.json)


Record.on_end = staticmethod(_unheard)
Record.on_free = staticmethod(_unused)
Record.on_files = staticmethod(_unhandled)
