"""The worker, seen from our side: start it, run predictions on it, cancel, close."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol, final

from cogsmith.errors import InvalidInput, PredictionError, WorkerCrashed
from cogsmith.prediction import Event, Finished, Log, Started, Status
from cogsmith.runtime.incoming import event_of, finished_of
from cogsmith.runtime.process.child import Child, ending, now, stopwatch
from cogsmith.runtime.process.link import Link, Pipes
from cogsmith.runtime.run import Run
from cogsmith.runtime.spec import WorkerSpec
from cogsmith.runtime.startup import Startup
from cogsmith.runtime.worker.frames import SUCCEEDED, VERSION, Frame, Kind

HEALTHCHECK_TIMEOUT = 5.0  # seconds
TERM_PATIENCE = 2.0  # seconds between SIGTERM and SIGKILL

_OUTPUT = Kind.OUTPUT
OnLog = Callable[[Log], None]
NO_CONTEXT: Mapping[str, str] = {}


class Sink(Protocol):
    """Who hears of a prediction, inside the event loop."""

    def output(self, json: bytes) -> None:
        """A whole output, or one chunk: the JSON text that the worker made."""

    def put(self, event: Event) -> None:
        """Everything else, outputs with files too; the last is Finished."""

    def succeeded(self, at: float, seconds: float) -> None:
        """What Finished says when all went well: ``seconds`` is predict_time."""


@final
class Worker:
    """A running model. Made by ``Worker.start``; lives in one event loop.

    >>> async with await Worker.start(spec) as worker:        # doctest: +SKIP
    ...     async for event in worker.predict("1", {"prompt": "Hello"}):
    ...         print(event)
    """

    def __init__(self, spec: WorkerSpec, child: Child, on_log: OnLog | None) -> None:
        """Wire up a process that was just started; ``start`` waits until it is ready."""
        self.spec = spec
        self.timings: dict[str, float] = {}
        self.python = self.cog = ""  # versions of the author's Python and of their `cog`
        self._child = child
        self._on_log = on_log or _unheard
        self._numbers = itertools.count(1)
        self._runs: dict[int, Sink] = {}
        self._canceled: set[int] = set()
        self._by_id: dict[str, Run] = {}
        self._waiting: deque[Run] = deque()
        self._checks: dict[int, asyncio.Future[str]] = {}
        self._startup = Startup(self._on_log)
        self._slots, self._is_async = 1, False
        self._exited: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._link = Link(child.connection, self._on_frames, self._on_hang_up)
        self._pipes = Pipes(
            {
                child.stdout: lambda text: self._on_foreign(Log(source="stdout", text=text)),
                child.stderr: lambda text: self._on_foreign(Log(source="stderr", text=text)),
            }
        )
        child.watch(self._on_exit)

    @classmethod
    async def start(
        cls, spec: WorkerSpec, *, on_log: OnLog | None = None, child: Child | None = None
    ) -> Worker:
        """Start a process and wait until setup() has ended.

        ``on_log`` gets what is printed outside predictions, during setup above all. ``child``
        is a process that was started already. Raises SetupFailed, with the log and the
        author's traceback.
        """
        begun = stopwatch()
        worker = cls(spec, child or Child.start(spec), on_log)
        worker._link.send((Kind.START, VERSION, _start(spec)))
        told = None
        try:
            told = await worker._startup.ended(spec.setup_timeout)
        finally:
            if told is None:  # whatever the reason: no process stays behind
                worker._child.kill()
                await worker.ended()
        worker._is_async, worker.python, worker.cog = told["async"], told["python"], told["cog"]
        worker._slots = max(1, spec.concurrency) if told["async"] else told["batch"]
        booted, imported, ready = told["times"]
        worker.timings = {
            "interpreter": booted - begun, "import": imported - booted, "setup": ready - imported,
        }  # fmt: skip
        return worker

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return not self._exited.done()

    @property
    def pid(self) -> int:
        """The number of its process, and of the session that all it starts is in."""
        return self._child.pid

    @property
    def slots(self) -> int:
        """How many predictions it runs at once; known when it is ready."""
        return self._slots

    @property
    def free(self) -> int:
        """How many predictions could begin at once."""
        return self._slots - len(self._runs) if self.alive else 0

    async def ended(self) -> str:
        """Wait for the process's end; answers how it ended."""
        return await asyncio.shield(self._exited)

    async def predict(
        self, id: str, inputs: Mapping[str, object] | bytes, *,  # noqa: A002 - the field's word
        context: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[Event, None]:  # fmt: skip
        """Run a prediction: its events, as they happen; the last is Finished.

        ``inputs`` may be JSON text, which is passed on as it is. Beyond the concurrency,
        predictions wait for their turn. Leaving early (cancelling the task, ``aclose()``)
        cancels the prediction. Raises WorkerCrashed when the process has ended before,
        PredictionError when ``id`` is already running, InvalidInput for inputs that are
        not JSON.
        """
        run = self._open(id, _payload(inputs), context or {})
        finished = False
        try:
            while not finished:
                event = await run.next()
                finished = type(event) is Finished
                yield event
        finally:
            if not finished:
                self._abandon(run)

    async def cancel(self, id: str) -> bool:  # noqa: A002 - as above
        """Take a prediction back; False when no such prediction runs or waits."""
        run = self._by_id.get(id)
        if run is not None:
            self._withdraw(run)
        return run is not None

    # --- predictions by number: what the server uses, which has its own table and queue

    def begin(self, sink: Sink, payload: bytes, context: Mapping[str, str] = NO_CONTEXT) -> int:
        """Send a prediction now; its events go to ``sink``. Answers its number.

        ``payload`` is the inputs as JSON text. There must be a free slot.
        """
        number = next(self._numbers)
        self._runs[number] = sink
        if context:
            told = json.dumps(dict(context)).encode()
            self._link.send((Kind.CONTEXT, number, told), (Kind.PREDICT, number, payload))
        else:
            self._link.send((Kind.PREDICT, number, payload))
        return number

    def stop(self, number: int) -> None:
        """Cancel a prediction; it ends when the author's code lets it. Twice is once."""
        if number not in self._runs or number in self._canceled:
            return
        self._canceled.add(number)
        self._link.send((Kind.CANCEL, number, b""))
        if not self._is_async:
            self._link.then(self._child.interrupt)
            self._link.resume()

    def pause(self, number: int) -> None:
        """Let no further output come: its reader is slow. A sync worker waits as a whole."""
        if self._is_async:
            self._link.send((Kind.PAUSE, number, b""))
        else:
            self._link.pause()

    def resume(self, number: int) -> None:
        """Let outputs come again."""
        if self._is_async:
            self._link.send((Kind.RESUME, number, b""))
        else:
            self._link.resume()

    def kill(self) -> None:
        """End the process at once; what runs fails as in a crash."""
        self._child.kill()

    async def healthcheck(self) -> str:
        """Ask the author's own check: an empty text, or what is wrong.

        A sync predictor that is busy is healthy.
        """
        if not self.alive:
            return f"the worker {self._exited.result()}"
        if self._runs and not self._is_async:
            return ""
        number = next(self._numbers)
        answer = self._checks[number] = asyncio.get_running_loop().create_future()
        self._link.send((Kind.CHECK, number, b""))
        try:
            return await asyncio.wait_for(answer, HEALTHCHECK_TIMEOUT)
        except asyncio.TimeoutError:
            return f"user-defined healthcheck timed out after {HEALTHCHECK_TIMEOUT} seconds"
        finally:
            del self._checks[number]

    async def close(self, *, grace: float = 5.0) -> None:
        """End the process, and wait until nothing of it is left.

        What runs is canceled; the process may stop by itself for ``grace`` seconds, then
        it gets SIGTERM, then SIGKILL.
        """
        for run in list(self._waiting):
            self._withdraw(run)
        for number in list(self._runs):
            self.stop(number)
        self._link.send((Kind.STOP, 0, b""))
        for patience, end in ((grace, self._child.terminate), (TERM_PATIENCE, self._child.kill)):
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.ended(), patience)
                return
            end()
        await self.ended()

    async def __aenter__(self) -> Worker:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        await self.close()

    # --- predictions

    def _open(self, id: str, payload: bytes, context: Mapping[str, str]) -> Run:  # noqa: A002
        if not self.alive:
            raise WorkerCrashed(f"the worker {self._exited.result()}", hint="start another one")
        if id in self._by_id:
            raise PredictionError(f"prediction {id!r} is already running", hint="use another id")
        run = Run(id, payload, context, self.pause, self.resume)
        self._by_id[id] = run
        self._waiting.append(run)
        self._dispatch()
        return run

    def _dispatch(self) -> None:
        """Send those who wait, as far as there are slots."""
        while self._waiting and self.free > 0:
            run = self._waiting.popleft()
            run.begun = stopwatch()
            run.put(Started(at=now()))
            run.number = self.begin(run, run.payload, run.context)
            run.payload = b""

    def _withdraw(self, run: Run) -> None:
        if run.number:
            self.stop(run.number)
        else:
            self._waiting.remove(run)
            self._ended(run, Finished(at=now(), status=Status.CANCELED))

    def _abandon(self, run: Run) -> None:
        """Cancel a prediction that nobody reads; its slot is free once the child says so."""
        run.abandon()
        if self._by_id.get(run.id) is run:
            self._withdraw(run)
            self._by_id.pop(run.id, None)

    def _ended(self, sink: Sink, event: Finished) -> None:
        """The slot is free before anybody hears of the end."""
        if isinstance(sink, Run) and self._by_id.get(sink.id) is sink:
            del self._by_id[sink.id]
        sink.put(event)
        if self._waiting:
            self._dispatch()

    # --- what the child says

    def _on_frames(self, frames: list[Frame]) -> None:
        runs, drained = self._runs, False
        for kind, number, payload in frames:
            sink = runs.get(number)
            if kind == _OUTPUT and sink is not None:  # first: there is one for every token
                sink.output(payload)
            elif kind == Kind.FINISHED:
                if not drained:  # what was written before any of these ends is in the pipes by now
                    drained = True
                    self._pipes.drain()
                self._on_finished(number, payload)
            elif kind == Kind.CHECKED:
                if (answer := self._checks.get(number)) and not answer.done():
                    answer.set_result(json.loads(payload))
            elif kind in (Kind.READY, Kind.BROKEN):
                self._pipes.drain()
                self._startup.told(kind, json.loads(payload))
            elif (event := event_of(kind, payload)) is not None:
                if sink is not None:
                    sink.put(event)
                elif isinstance(event, Log):
                    self._on_stray(event)

    def _on_finished(self, number: int, payload: bytes) -> None:
        sink = self._runs.pop(number, None)
        self._canceled.discard(number)
        if sink is None:
            return
        if payload.startswith(SUCCEEDED) and not self._by_id:
            sink.succeeded(now(), float(payload[len(SUCCEEDED) : -1]))
        else:
            self._ended(sink, finished_of(payload, now()))

    def _on_foreign(self, log: Log) -> None:
        """Text written past ``sys.stdout``: it is the prediction's if only one runs."""
        if len(self._runs) == 1:
            next(iter(self._runs.values())).put(log)
        else:
            self._on_stray(log)

    def _on_stray(self, log: Log) -> None:
        """Text that no running prediction wrote."""
        self._startup.log(log)
        self._on_log(log)

    def _on_hang_up(self) -> None:
        """The socket closed; a process that lives on cannot be spoken to any more."""
        asyncio.get_running_loop().call_later(1.0, self._child.kill)

    def _on_exit(self, status: int) -> None:
        """Everything that the process still said, then the end of what it left unfinished."""
        self._link.drain()
        self._pipes.drain()
        how = ending(status)
        self._exited.set_result(how)
        self._startup.died(how)
        self._link.close()
        self._pipes.close()
        for answer in self._checks.values():
            if not answer.done():
                answer.set_result(f"the worker {how}")
        sinks: list[Sink] = [*self._runs.values(), *self._waiting]
        self._runs.clear()
        self._waiting.clear()
        for sink in sinks:
            self._ended(sink, _crash(sink, how))


def _unheard(_log: Log) -> None:
    """Nobody listens."""


def _crash(sink: Sink, how: str) -> Finished:
    begun = getattr(sink, "begun", 0.0)  # on the stopwatch; 0 for those that still waited
    return Finished(
        at=now(), status=Status.FAILED, error=f"Worker crashed: the process {how}",
        predict_time=stopwatch() - begun if begun else 0.0,
    )  # fmt: skip


def _payload(inputs: Mapping[str, object] | bytes) -> bytes:
    if isinstance(inputs, bytes):
        return inputs
    try:
        return json.dumps(dict(inputs), default=os.fspath).encode()
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"the inputs are not JSON: {error}") from None


def _start(spec: WorkerSpec) -> bytes:
    told: dict[str, Any] = {
        "reference": spec.reference, "method": spec.method, "decoders": dict(spec.decoders),
        "iterator": spec.iterator, "weights": spec.weights,
    }  # fmt: skip
    return json.dumps(told).encode()
