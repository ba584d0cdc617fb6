"""The workers of a model: started, watched, and started again when they die.

One worker serves an async predictor, whatever its concurrency. A sync predictor runs one
prediction at a time; ``--workers N`` gives it N processes, a GPU each where there are several.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Protocol

from cogsmith.errors import SetupFailed
from cogsmith.prediction import Log
from cogsmith.runtime.client import Worker
from cogsmith.runtime.process.child import Child, now, stopwatch
from cogsmith.runtime.spec import WorkerSpec

_log = logging.getLogger("cogsmith.server")

KEPT = 256 * 1024  # characters of the setup log that are kept
STEADY = 60.0  # seconds after which a crash counts as the first one again


class State(str, Enum):
    """How the workers are."""

    STARTING = "STARTING"  # setup() runs, for the first time or again
    READY = "READY"
    SETUP_FAILED = "SETUP_FAILED"  # the first setup() failed: nothing will come of it
    DEFUNCT = "DEFUNCT"  # the workers died too often

    @property
    def dead(self) -> bool:
        """Whether only a new start helps."""
        return self in (State.SETUP_FAILED, State.DEFUNCT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts:
    """When a dead worker is started again.

    After ``first`` seconds, then after twice as many each time, up to ``longest``; after
    ``most`` deaths in a row never.
    """

    first: float = 0.1
    longest: float = 30.0
    most: int = 10


class Listening(Protocol):
    """What a pool tells."""

    def freed(self) -> None:
        """There is room, or the state is another."""

    def said(self, log: Log) -> None:
        """Text that belongs to no prediction."""

    def counted(self, what: str) -> None:
        """A worker was "started", "crashed" or "restarted"."""


class _Nobody:
    """Nobody listens."""

    def freed(self) -> None: ...
    def said(self, log: Log) -> None: ...
    def counted(self, what: str) -> None: ...


class Pool:
    """All workers of one model. ``listening`` hears of them."""

    def __init__(self, spec: WorkerSpec, count: int, restarts: Restarts) -> None:
        self._specs = _spread(spec, count)
        self._restarts = restarts
        self.listening: Listening = _Nobody()
        self._workers: list[Worker] = []
        self._keeping: list[asyncio.Task[None]] = []
        self._closing = False
        self._logs: list[str] = []
        self._length = 0
        self.state = State.STARTING
        self.error = ""
        self.started_at: float | None = None
        self.completed_at: float | None = None
        self.setup_seconds = 0.0
        self.python = self.cog = ""

    @property
    def begun(self) -> bool:
        """Whether it was told to start."""
        return self.started_at is not None

    @property
    def slots(self) -> int:
        """How many predictions run at once when all workers live."""
        live = sum(worker.slots for worker in self._workers)
        return live or sum(max(1, spec.concurrency) for spec in self._specs)

    @property
    def busy(self) -> int:
        """How many run."""
        return sum(worker.slots - worker.free for worker in self._workers)

    @property
    def alive(self) -> int:
        """How many workers live."""
        return len(self._workers)

    @property
    def setup_logs(self) -> str:
        """What was printed before the first worker was ready, and between its lives."""
        return "".join(self._logs)

    def free(self) -> Worker | None:
        """The worker with the most room, if any has room."""
        workers = self._workers
        if len(workers) == 1:  # nearly always
            return workers[0] if workers[0].free > 0 else None
        best = max(workers, key=lambda worker: worker.free, default=None)
        return best if best is not None and best.free > 0 else None

    def start(self, children: Sequence[Child] = ()) -> None:
        """Begin; ``children`` are processes that were started already, while we were imported."""
        self.started_at = now()
        first = [*children, *[None] * (len(self._specs) - len(children))]
        for spec, child in zip(self._specs, first, strict=True):
            task = asyncio.get_running_loop().create_task(self._keep(spec, child))
            self._keeping.append(task)

    def note(self, text: str) -> None:
        """Add a line of ours to the setup log."""
        self._add(f"{text}\n")

    async def healthcheck(self) -> str:
        """Ask the author's own check of every worker: an empty text, or what is wrong."""
        found = await asyncio.gather(*(worker.healthcheck() for worker in self._workers))
        return next((problem for problem in found if problem), "")

    async def close(self, grace: float) -> None:
        """End every worker; ``grace`` is in seconds."""
        self._closing = True
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*(worker.close(grace=grace) for worker in list(self._workers)))
        await asyncio.gather(*self._keeping, return_exceptions=True)

    async def _keep(self, spec: WorkerSpec, child: Child | None) -> None:
        """One worker and those that follow it, until there is no point any more."""
        deaths = 0
        while True:
            begun = stopwatch()
            worker = await self._started(spec, child)
            child = None
            if worker is not None:
                how = await worker.ended()
                self._workers.remove(worker)
                self._died(f"a worker {how}")
            elif self.state is State.SETUP_FAILED:
                return
            if self._closing:
                return
            deaths = 1 if stopwatch() - begun > STEADY else deaths + 1
            if deaths > self._restarts.most:
                self._give_up(f"the worker died {deaths} times in a row: it is not started again")
                return
            delay = self._restarts.first * 2 ** (deaths - 1)
            await asyncio.sleep(min(delay, self._restarts.longest))
            self.listening.counted("restarted")

    async def _started(self, spec: WorkerSpec, child: Child | None) -> Worker | None:
        self.note("Spawning worker subprocess")
        try:
            worker = await Worker.start(spec, on_log=self._said, child=child)
        except SetupFailed as problem:
            self._failed(problem)
            return None
        self.note("File descriptor redirection complete")
        self.note("Connected to slot transport")
        self.note("Server ready")
        self._workers.append(worker)
        self.listening.counted("started")
        # By its own clock: the first one's process was started before we were there.
        self.setup_seconds = sum(max(0.0, seconds) for seconds in worker.timings.values())
        self.python, self.cog = worker.python, worker.cog
        self.state, self.completed_at = State.READY, now()
        _log.info("ready after %.1f s", self.setup_seconds)
        _ready_for_kubernetes()
        self.listening.freed()
        return worker

    def _failed(self, problem: SetupFailed) -> None:
        """A first setup() that fails fails for good, as in Cog; a later one is tried again."""
        words = "\n".join(str(one) for one in problem.problems)
        hints = "".join(f"\nhint: {one.hint}" for one in problem.problems if one.hint)
        if self.completed_at is None and self.state is State.STARTING:
            self.state, self.completed_at, self.error = State.SETUP_FAILED, now(), words
            self.note(words + hints)
            _log.error("%s%s", words, hints)
            self.listening.freed()
        else:
            self._died(words)

    def _died(self, words: str) -> None:
        if self._closing:
            return
        self.listening.counted("crashed")
        self.note(words)
        _log.error("%s; it is started again", words)
        if not self._workers and not self.state.dead:
            self.state = State.STARTING
            self.listening.freed()

    def _give_up(self, words: str) -> None:
        self.note(words)
        _log.error("%s", words)
        us = asyncio.current_task()
        if all(task is us or task.done() for task in self._keeping):
            self.state, self.error = State.DEFUNCT, words
            self.listening.freed()

    def _said(self, log: Log) -> None:
        if not self._workers:
            self._add(log.text)
        self.listening.said(log)

    def _add(self, text: str) -> None:
        self._logs.append(text)
        self._length += len(text)
        while self._length > KEPT and len(self._logs) > 1:
            self._length -= len(self._logs.pop(0))


def _spread(spec: WorkerSpec, count: int) -> list[WorkerSpec]:
    """The spec of each worker: one GPU each, in turn, where there are several."""
    gpus = visible_gpus(spec.environment)
    if count < 2 or len(gpus) < 2:
        return [spec] * max(1, count)
    return [
        replace(spec, environment={**spec.environment, "CUDA_VISIBLE_DEVICES": gpus[i % len(gpus)]})
        for i in range(count)
    ]


def visible_gpus(environment: Mapping[str, str]) -> list[str]:
    """The GPUs that a worker would see, by CUDA_VISIBLE_DEVICES or by the driver's list."""
    named = environment.get("CUDA_VISIBLE_DEVICES", os.environ.get("CUDA_VISIBLE_DEVICES"))
    if named is not None:
        return [word.strip() for word in named.split(",") if word.strip()]
    driver = Path("/proc/driver/nvidia/gpus")
    count = len(list(driver.iterdir())) if driver.is_dir() else 0
    return [str(number) for number in range(count)]


def _ready_for_kubernetes() -> None:
    """Cog's readiness file, for probes that look for it: only inside Kubernetes."""
    if "KUBERNETES_SERVICE_HOST" not in os.environ:
        return
    try:
        Path("/var/run/cog").mkdir(parents=True, exist_ok=True)
        Path("/var/run/cog/ready").touch()
    except OSError as problem:
        _log.warning("/var/run/cog/ready cannot be written: %s", problem.strerror)
