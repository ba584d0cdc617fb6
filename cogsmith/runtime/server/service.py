"""Predictions of one model, or trainings: who runs, who waits, who is remembered."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from cogsmith.prediction import Finished, Log, Status
from cogsmith.runtime.process.child import now
from cogsmith.runtime.server.metrics import Metrics, Operation, token_counts
from cogsmith.runtime.server.pool import Pool, State
from cogsmith.runtime.server.record import Record

_log = logging.getLogger("cogsmith.server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How predictions are queued, timed and remembered. Times are in seconds, 0 is no limit.

    ``queue`` counts those that may wait for a slot, ``queue_timeout`` is how long each may.
    ``predict_timeout`` is how long one may run before it is canceled; one that was canceled and
    does not end within ``cancel_grace`` takes its worker along. ``kept`` ended predictions can
    be asked for by id, as long as their output is not more than ``kept_bytes`` together.
    """

    queue: int = 100
    queue_timeout: float = 60.0
    predict_timeout: float = 0.0
    cancel_grace: float = 60.0
    kept: int = 1000
    kept_bytes: int = 64 * 1024 * 1024


class Verdict(Enum):
    """What became of a prediction that was asked for."""

    TAKEN = "it runs, or waits for a slot"
    NOT_READY = "setup() has not ended"
    FULL = "no slot and no place in the queue"
    CLOSING = "the server ends"


class Service:
    """The table of predictions, with their slots and queue.

    ``operation`` is what it does: predict or train. Trainings are rare, so their worker is
    started for the first one, which waits for it.
    """

    def __init__(
        self, pool: Pool, metrics: Metrics, policy: Policy, *, operation: Operation = "predict"
    ) -> None:
        self.pool = pool
        pool.listening = self
        self.operation: Operation = operation
        self._lazy = operation == "train"
        self._noun = "training" if operation == "train" else "prediction"
        self.policy = policy
        self.closing = False
        self.on_said: Callable[[Log], None] = _unheard
        self.metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._running: dict[str, Record] = {}
        self._queue: dict[str, Record] = {}  # in the order of their coming
        self._kept: OrderedDict[str, Record] = OrderedDict()
        self._kept_bytes = 0
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._expiry: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Future[None] | None = None

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return len(self._queue)

    @property
    def active(self) -> int:
        """How many have been accepted and have not ended."""
        return len(self._running) + len(self._queue)

    @property
    def kept(self) -> int:
        """How many that have ended are remembered."""
        return len(self._kept)

    def underway(self, id: str) -> Record | None:  # noqa: A002 - the field's word
        """The prediction of that id that has not ended."""
        return self._running.get(id) or self._queue.get(id)

    def known(self, id: str) -> Record | None:  # noqa: A002
        """The prediction of that id, also when it has ended."""
        return self.underway(id) or self._kept.get(id)

    def submit(self, record: Record) -> Verdict:
        """Run a prediction now, or let it wait; its id must not be underway."""
        state = self.pool.state
        if self.closing:
            return Verdict.CLOSING
        if state is not State.READY and self._never_ready(state):
            return Verdict.NOT_READY
        if self._lazy and not self.pool.begun:
            self.pool.start()
        record.created_at, record.accepted = now(), self._loop.time()
        record.on_end, record.on_free = self._ended, self._dispatch
        worker = None if self._queue else self.pool.free()
        if worker is not None:
            self._begin(record, worker)
        elif len(self._queue) < self._places(state):
            self._queue[record.id] = record
            self._watch_queue()
        else:
            return Verdict.FULL if state is State.READY else Verdict.NOT_READY
        return Verdict.TAKEN

    def cancel(self, id: str) -> bool:  # noqa: A002
        """Take a prediction back; False when none of that id is underway."""
        record = self.underway(id)
        if record is not None:
            self.drop(record)
        return record is not None

    def drop(self, record: Record) -> None:
        """Take a prediction back."""
        if record.id in self._queue:
            record.put(Finished(at=now(), status=Status.CANCELED))
        elif record.worker is not None and not record.ended:
            record.worker.stop(record.number)
            if self.policy.cancel_grace:
                self._time(record, self.policy.cancel_grace, self._overdue)

    async def emptied(self, limit: float) -> int:
        """Wait for the end of everything underway, or for ``limit`` seconds; answers the rest."""
        if self.active:
            self._emptied = self._loop.create_future()
            await asyncio.wait([self._emptied], timeout=limit)
        return self.active

    def drop_all(self) -> None:
        """Take everything back."""
        for record in [*self._queue.values(), *self._running.values()]:
            self.drop(record)

    def end_all(self) -> None:
        """End what was taken back and still runs, with its workers."""
        for record in list(self._running.values()):
            self._abandon(record)

    # --- what the pool tells

    def freed(self) -> None:
        """There is room, or the pool is in another state: let those run who wait."""
        if self.pool.state.dead:
            for record in list(self._queue.values()):
                record.fail(f"the model does not run: {self.pool.error}", now())
        if self.pool.state is State.READY:
            self.metrics.setup(self.pool.setup_seconds)
        self._dispatch()

    def said(self, log: Log) -> None:
        """Text that belongs to no prediction."""
        self.on_said(log)

    def counted(self, what: str) -> None:
        """A worker was started, crashed or restarted."""
        self.metrics.worker(what)  # type: ignore[arg-type]

    # --- slots

    def _never_ready(self, state: State) -> bool:
        """Before the first setup() has ended nobody may wait; between two lives of a worker yes."""
        return state.dead or (self.pool.completed_at is None and not self._lazy)

    def _places(self, state: State) -> int:
        """How many may wait: the first training always, for the worker that it starts."""
        return max(self.policy.queue, int(self._lazy and state is not State.READY))

    def _begin(self, record: Record, worker: object) -> None:
        self._running[record.id] = record
        record.worker = worker
        record.begin(now())
        record.number = record.worker.begin(record, record.given, record.context)
        self.metrics.begun(self._loop.time() - record.accepted)
        if self.policy.predict_timeout:
            self._time(record, self.policy.predict_timeout, self._too_long)

    def _dispatch(self) -> None:
        while self._queue and (worker := self.pool.free()) is not None:
            record = self._queue.pop(next(iter(self._queue)))
            self._begin(record, worker)

    def _ended(self, record: Record) -> None:
        self._running.pop(record.id, None)
        self._queue.pop(record.id, None)
        if self._timers and (timer := self._timers.pop(record.id, None)) is not None:
            timer.cancel()
        if self._queue:
            self._dispatch()
        self._measured(record)
        self._keep(record)
        if self._emptied is not None and not self.active and not self._emptied.done():
            self._emptied.set_result(None)

    def _measured(self, record: Record) -> None:
        if record.status is Status.FAILED:
            _log.warning("%s %s failed: %s", self._noun, record.id, record.error)
        self.metrics.finished(record.status, record.metrics.get("predict_time", 0.0))
        if len(record.metrics) > 1:
            self.metrics.tokens(*token_counts(record.metrics))

    def _keep(self, record: Record) -> None:
        """Remember it; forget the oldest beyond the bounds."""
        record.worker = None
        kept, policy = self._kept, self.policy
        older = kept.pop(record.id, None)
        if older is not None:
            self._kept_bytes -= _size(older)
        kept[record.id] = record
        self._kept_bytes += record.size + len(record.given)
        while len(kept) > policy.kept or (self._kept_bytes > policy.kept_bytes and kept):
            _, oldest = kept.popitem(last=False)
            self._kept_bytes -= _size(oldest)

    # --- time

    def _watch_queue(self) -> None:
        if self.policy.queue_timeout and self._expiry is None and self._queue:
            first = next(iter(self._queue.values()))
            due = first.accepted + self.policy.queue_timeout
            self._expiry = self._loop.call_at(due, self._expire)

    def _expire(self) -> None:
        """End those that have waited too long; the first of the queue has waited longest."""
        self._expiry = None
        late = self._loop.time() - self.policy.queue_timeout
        while self._queue:
            record = next(iter(self._queue.values()))
            if record.accepted > late:
                break
            record.expired = True
            self.metrics.refused("deadline")
            record.fail(f"no slot became free within {self.policy.queue_timeout:g} seconds", now())
        self._watch_queue()

    def _time(self, record: Record, seconds: float, call: Callable[[Record], None]) -> None:
        if (timer := self._timers.pop(record.id, None)) is not None:
            timer.cancel()
        self._timers[record.id] = self._loop.call_later(seconds, call, record)

    def _too_long(self, record: Record) -> None:
        self._timers.pop(record.id, None)
        record.verdict = f"predict() took longer than {self.policy.predict_timeout:g} seconds"
        self.drop(record)

    def _overdue(self, record: Record) -> None:
        """A canceled prediction does not end: its code hangs where no exception reaches it."""
        self._timers.pop(record.id, None)
        if record.worker is not None and not record.ended:
            _log.error(
                "prediction %s was canceled %g seconds ago and does not end: its worker is killed",
                record.id, self.policy.cancel_grace,
            )  # fmt: skip
            self._abandon(record)

    def _abandon(self, record: Record) -> None:
        worker = record.worker
        record.end(Finished(at=now(), status=Status.CANCELED, predict_time=_since(record)))
        worker.kill()


def _since(record: Record) -> float:
    return now() - (record.started_at or record.created_at)


def _size(record: Record) -> int:
    return record.size + len(record.given)


def _unheard(_log: Log) -> None:
    """Nobody listens."""
