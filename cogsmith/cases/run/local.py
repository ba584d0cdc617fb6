"""A model on this machine: set up once, and again only after its process has died."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from cogsmith.cases.case import Answer
from cogsmith.cases.run.memory import peak
from cogsmith.prediction import Finished, Log, Output, Prediction, Started, Status, advance
from cogsmith.runtime import Worker, WorkerSpec
from cogsmith.signature import FileInput, Signature, check, complete

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Local"]

CRASH = "Worker crashed"  # how the runtime's word for a process that died begins


@dataclass(slots=True, eq=False)
class _Seat:
    """A worker, or the place of one; started when it is needed and not there."""

    spec: WorkerSpec
    on_log: Callable[[Log], None]
    worker: Worker | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ready(self) -> Worker:
        async with self.lock:
            if self.worker is None or not self.worker.alive:
                # What it prints when it is set up again has been seen.
                on_log = self.on_log if self.worker is None else None
                self.worker = await Worker.start(self.spec, on_log=on_log)
            return self.worker

    async def close(self) -> None:
        if self.worker is not None and self.worker.alive:
            await self.worker.close()


class Local:
    """A model in processes of ours. An async context manager: setup() runs when it is entered.

    ``count`` answers are made at once: by one process for an async predictor, else by as many
    processes. Raises SetupFailed when the model cannot be set up.
    """

    def __init__(
        self, spec: WorkerSpec, signature: Signature, *, count: int = 1,
        on_log: Callable[[Log], None],
    ) -> None:  # fmt: skip
        self.where = "this machine"
        self.setup: float | None = None
        self._signature = signature
        self._numbers = itertools.count(1)
        shared = signature.is_async
        self._one_each = not shared
        seats = [
            _Seat(replace(spec, concurrency=count if shared else 1), on_log)
            for _ in range(1 if shared else count)
        ]
        self._seats = seats
        self._free: asyncio.Queue[_Seat] = asyncio.Queue()
        for index in range(count):
            self._free.put_nowait(seats[index % len(seats)])

    async def __aenter__(self) -> Self:
        begun = time.perf_counter()
        try:
            await asyncio.gather(*(seat.ready() for seat in self._seats))
        except BaseException:
            await self._close()
            raise
        self.setup = time.perf_counter() - begun
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        await self._close()

    async def _close(self) -> None:
        await asyncio.gather(*(seat.close() for seat in self._seats))

    async def predict(self, inputs: Mapping[str, Any], timeout: float) -> Answer:
        """One answer; inputs that do not fit are refused in the words of the server."""
        problems = check(self._signature, inputs)
        if problems:
            return Answer(ok=False, error="\n".join(p.message for p in problems), refused=True)
        values = complete(self._signature, {n: _url(value) for n, value in inputs.items()})
        seat = await self._free.get()
        try:
            return await self._answer(await seat.ready(), values, timeout)
        finally:
            self._free.put_nowait(seat)

    async def _answer(self, worker: Worker, values: Mapping[str, object], timeout: float) -> Answer:
        watch = _Watch(iterator=self._signature.output.is_iterator)
        try:
            await asyncio.wait_for(watch.follow(worker, str(next(self._numbers)), values), timeout)
        except asyncio.TimeoutError:
            if self._one_each:
                worker.kill()  # its author's code may not hear of a cancel
                await worker.ended()
            return Answer(ok=False, error=f"gave up after {timeout:g} s", total=timeout)
        return replace(watch.answer(), memory=peak(worker.pid))


@dataclass(slots=True)
class _Watch:
    """One prediction as it goes by, with the clock in hand."""

    iterator: bool
    begun: float = 0.0
    first: float | None = None
    ended: float = 0.0
    prediction: Prediction = field(default_factory=lambda: Prediction(id=""))

    async def follow(self, worker: Worker, number: str, values: Mapping[str, object]) -> None:
        self.prediction = Prediction(id=number, iterator=self.iterator)
        self.begun = time.perf_counter()
        async with aclosing(worker.predict(number, values)) as events:
            async for event in events:
                self.prediction = advance(self.prediction, event)
                if isinstance(event, Started):
                    self.begun = time.perf_counter()  # it may have waited for its turn
                elif isinstance(event, Output) and self.first is None:
                    self.first = time.perf_counter() - self.begun
                elif isinstance(event, Finished):
                    self.ended = time.perf_counter()

    def answer(self) -> Answer:
        done = self.prediction
        empty: list[Any] | None = [] if self.iterator else None
        return Answer(
            ok=done.status is Status.SUCCEEDED,
            output=done.output if done.chunks else empty,
            error=done.error or ("" if done.status is Status.SUCCEEDED else done.status.value),
            chunks=len(done.chunks),
            first=self.first,
            total=self.ended - self.begun,
            logs=done.logs,
            metrics=done.metrics,
            crashed=done.error.startswith(CRASH),
        )


def _url(value: Any) -> Any:
    """A file's place as the worker takes it."""
    if isinstance(value, list):
        return [_url(item) for item in value]
    return Path(value.path).as_uri() if isinstance(value, FileInput) else value
