"""Serving an async predictor: many predictions at once in one event loop.

An item that comes after a pause is sent as it is yielded, since what the generator does next may
block the loop; those of a burst, of all streams, are sent together a moment later. Ends that come
in one turn of the loop are sent together. A stream whose reader is slow is told to pause between
two items; the others go on.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import suppress
from time import monotonic
from typing import Any

from cogsmith.runtime.worker.channel import Channel
from cogsmith.runtime.worker.checks import checked_async
from cogsmith.runtime.worker.frames import Frame, Kind
from cogsmith.runtime.worker.inputs import Decoders, Inputs
from cogsmith.runtime.worker.logs import Logs
from cogsmith.runtime.worker.model import Model
from cogsmith.runtime.worker.outputs import Encoder
from cogsmith.runtime.worker.report import Report, Ways
from cogsmith.runtime.worker.scope import Scope
from cogsmith.runtime.worker.streams import context_of, items_of

# A generator that never really waits would keep cancels and other streams out for ever.
LONGEST_TURN = 0.005  # seconds


class Run:
    """A prediction on its way: its task, and whether it was canceled or paused."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.task: asyncio.Task[None] | None = None
        self.begun = self.canceled = False
        self.gate: asyncio.Event | None = None

    def cancel(self) -> None:
        """Cancel once: cleaning up is not interrupted by a second cancel."""
        if not self.canceled:
            self.canceled = True
            if self.begun and self.task is not None:
                self.task.cancel()

    def pause(self) -> None:
        """Wait before the next item is sent."""
        self.gate = self.gate or asyncio.Event()

    def resume(self) -> None:
        """Go on."""
        if self.gate is not None:
            self.gate.set()
            self.gate = None


class AsyncLoop:
    """Runs predictions as tasks until it is told to stop."""

    def __init__(self, channel: Channel, logs: Logs, *, iterator: bool) -> None:
        self._channel, self._logs, self._iterator = channel, logs, iterator
        self._encoder = Encoder()
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._runs: dict[int, Run] = {}
        self._contexts: dict[int, dict[str, str]] = {}
        self._checks: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._ending = False
        self._ways = Ways(output=channel.push, end=self._soon)
        channel.end_bursts(lambda left: self._loop.call_later(left, channel.flush))

    def finish(self, setup: Awaitable[Any]) -> None:
        """Run an async setup() to its end in the loop that will serve."""
        self._loop.run_until_complete(_done(setup))

    def serve(self, model: Model, decoders: Decoders) -> None:
        """Take frames until STOP, then let what runs end as canceled."""
        self._model, self._decoders = model, decoders
        self._loop.add_reader(self._channel.fileno(), self._readable)
        self._loop.run_until_complete(self._until_stopped())
        self._loop.remove_reader(self._channel.fileno())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    async def _until_stopped(self) -> None:
        await self._stop.wait()
        for run in self._runs.values():
            run.cancel()
        while self._runs:
            await asyncio.wait([run.task for run in self._runs.values() if run.task])

    def _soon(self, frames: bytes) -> None:
        """Send at the end of this turn, with what waits of a burst."""
        self._channel.later(frames)
        if not self._ending:
            self._ending = True
            self._loop.call_soon(self._end)

    def _end(self) -> None:
        self._ending = False
        self._channel.flush()

    def _readable(self) -> None:
        for frame in self._channel.arrived():
            self._take(frame)

    def _take(self, frame: Frame) -> None:
        kind, number, payload = frame
        run = self._runs.get(number)
        if kind == Kind.PREDICT:
            report = Report(number, self._channel, self._logs, self._encoder, self._ways)
            run = self._runs[number] = Run(report)
            run.task = self._loop.create_task(self._predict(run, payload))
        elif kind == Kind.CONTEXT:
            self._contexts[number] = context_of(payload)
        elif kind == Kind.CHECK:
            check = checked_async(self._model.healthcheck, self._channel, number)
            task = self._loop.create_task(check)
            self._checks.add(task)
            task.add_done_callback(self._checks.discard)
        elif kind == Kind.STOP:
            self._stop.set()
        elif run is not None:
            _ORDERS[kind](run)

    async def _predict(self, run: Run, payload: bytes) -> None:
        report, inputs, run.begun = run.report, Inputs(), True
        context = self._contexts.pop(report.number, {})
        with Scope(report.number, self._channel, context):
            try:
                if run.canceled:
                    raise asyncio.CancelledError
                arguments = await self._arguments(inputs, payload)
                await self._emit(run, self._model.call(**arguments))
            except BaseException as error:
                canceled = run.canceled and isinstance(error, asyncio.CancelledError)
                report.note(error, canceled=canceled)
            finally:
                inputs.tidy(report.files)
                report.end()
                del self._runs[report.number]

    async def _arguments(self, inputs: Inputs, payload: bytes) -> dict[str, Any]:
        """In a thread where files may have to be fetched."""
        if not self._decoders:
            return inputs.decode(payload, self._decoders)
        return await asyncio.to_thread(inputs.decode, payload, self._decoders)

    async def _emit(self, run: Run, result: Any) -> None:
        if inspect.isawaitable(result):
            result = await result
        if hasattr(result, "__anext__") or hasattr(result, "__aiter__"):
            items: AsyncIterator[Any] = aiter(result)
        else:
            plain = items_of(result, self._iterator)
            if plain is None:
                return run.report.whole(result) if result is not None else None
            items = _one_by_one(plain)
        if self._iterator:
            return await self._stream(run, items)
        return run.report.whole([item async for item in items])

    async def _stream(self, run: Run, items: AsyncIterator[Any]) -> None:
        send, begun = run.report.chunk, monotonic()
        try:
            async for item in items:
                send(item)
                if run.gate is not None or monotonic() - begun > LONGEST_TURN:
                    await _breathe(run, items)
                    begun = monotonic()
        finally:
            if hasattr(items, "aclose"):
                await items.aclose()


_ORDERS = {Kind.CANCEL: Run.cancel, Kind.PAUSE: Run.pause, Kind.RESUME: Run.resume}


async def _breathe(run: Run, items: AsyncIterator[Any]) -> None:
    """Let others run, and wait while the reader is slow.

    A cancel that comes here would pass the generator by, which waits at its ``yield``: it
    is thrown in, so that the author's own ``except CancelledError`` runs.
    """
    try:
        await asyncio.sleep(0)
        while run.gate is not None:
            await run.gate.wait()
    except asyncio.CancelledError as cancel:
        if hasattr(items, "athrow"):
            with suppress(StopAsyncIteration, asyncio.CancelledError):
                await items.athrow(cancel)
        raise


async def _one_by_one(items: Iterable[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


async def _done(setup: Awaitable[Any]) -> None:
    await setup
