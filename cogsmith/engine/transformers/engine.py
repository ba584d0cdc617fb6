"""The engine of the transformers back end: one thread owns the model, loops only wait.

The thread answers requests in the order of their coming. Each step posts its chunk to the
request's own event loop by one ``call_soon_threadsafe``, and looks first whether somebody
has taken the request back. Nothing here knows torch; what turns a request into tokens is a
`Decoder`.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import replace
from typing import Protocol

from cogsmith.engine.engine import Capabilities, Chunk, Request, Stats, admit
from cogsmith.errors import CogsmithError, EngineError

__all__ = ["Decoder", "TransformersEngine"]

# What torch and transformers raise when a step goes wrong (out of memory is a RuntimeError).
_STEP_FAILURES = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Decoder(Protocol):
    """A model that can be run; used from one thread only."""

    @property
    def capabilities(self) -> Capabilities:
        """What the model can do."""

    def decode(self, request: Request) -> Iterator[int | None]:
        """The answer's tokens until the model ends it; None is a moment to look up."""


class TransformersEngine:
    """An `Engine` around a decoder that is made, run and dropped in one thread."""

    def __init__(self, make: Callable[[], Decoder]) -> None:
        """Keep ``make``, which loads the model, for `load`."""
        self._make = make
        self._inbox: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._jobs: dict[str, _Job] = {}
        self._stats = Stats()
        self._thread: threading.Thread | None = None
        self._ended = False
        self.capabilities = Capabilities()

    async def load(self) -> None:
        """Start the thread and load the model in it."""
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[Capabilities] = loop.create_future()
        self._thread = threading.Thread(
            target=self._work, args=(loop, ready), name="engine", daemon=True
        )
        self._thread.start()
        self.capabilities = await ready

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Answer; closing the iterator cancels the request."""
        admit(request, self.capabilities)
        job = self._submit(request)
        try:
            while True:
                chunk = await job.next()
                yield chunk
                if chunk.finish_reason is not None:
                    return
        finally:
            job.dropped = True
            del self._jobs[request.id]

    async def cancel(self, request_id: str) -> None:
        """End that request's stream now; the thread notices at its next step."""
        if request_id in self._jobs:
            self._jobs[request_id].cancel()

    def stats(self) -> Stats:
        """How busy it is."""
        running = min(self._stats.running, len(self._jobs))
        return replace(self._stats, running=running, waiting=len(self._jobs) - running)

    async def close(self) -> None:
        """Cancel what runs and let go of the model."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        for job in self._jobs.values():
            job.cancel()
        self._inbox.put(None)
        await asyncio.to_thread(thread.join)

    def _submit(self, request: Request) -> _Job:
        if self._thread is None or self._ended:
            raise EngineError("the engine is not running", code="E1200", hint="load it again")
        if request.id in self._jobs:
            raise EngineError(f"a request {request.id!r} is being answered already", where="id")
        job = self._jobs[request.id] = _Job(request)
        self._inbox.put(job)
        return job

    def _work(self, loop: asyncio.AbstractEventLoop, ready: asyncio.Future[Capabilities]) -> None:
        """The thread: load, answer until told to end, and never end without a word."""
        ending = EngineError("the engine's thread ended", code="E1200", hint="load it again")
        try:
            decoder = self._make()
            loop.call_soon_threadsafe(_settle, ready, decoder.capabilities)
            while (job := self._inbox.get()) is not None:
                if not job.dropped:
                    self._answer(decoder, job)
        except (CogsmithError, *_STEP_FAILURES) as problem:
            ending = problem if isinstance(problem, EngineError) else _failure(problem)
        finally:
            self._ended = True
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, ready, ending)
            for job in list(self._jobs.values()):
                job.post(ending)

    def _answer(self, decoder: Decoder, job: _Job) -> None:
        self._count(running=1, prompt=len(job.request.token_ids))
        try:
            self._tell(decoder.decode(job.request), job)
        except EngineError as problem:
            job.post(problem)
        except _STEP_FAILURES as problem:
            job.post(_failure(problem))
        self._count(running=0)

    def _tell(self, tokens: Iterator[int | None], job: _Job) -> None:
        left = job.request.max_tokens
        for token in tokens:
            if job.dropped:
                return
            if token is None:
                continue
            left -= 1
            self._count(running=1, output=1)
            job.post(Chunk(token_ids=(token,), finish_reason=None if left else "length"))
            if not left:
                return
        job.post(Chunk(finish_reason="stop"))

    def _count(self, *, running: int, prompt: int = 0, output: int = 0) -> None:
        self._stats = Stats(
            running=running,
            prompt_tokens=self._stats.prompt_tokens + prompt,
            output_tokens=self._stats.output_tokens + output,
        )


class _Job:
    """A request on its way: the thread posts, the request's own loop reads."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.dropped = False
        self._loop = asyncio.get_running_loop()
        self._chunks: asyncio.Queue[Chunk | EngineError] = asyncio.Queue()

    def post(self, item: Chunk | EngineError) -> None:
        """Send from any thread; a loop that is gone takes nothing."""
        try:
            self._loop.call_soon_threadsafe(self._chunks.put_nowait, item)
        except RuntimeError:
            self.dropped = True

    def cancel(self) -> None:
        """Post the last chunk; what the thread may still send after it is never read."""
        if not self.dropped:
            self.dropped = True
            self.post(Chunk(finish_reason="cancelled"))

    async def next(self) -> Chunk:
        """The next chunk, or the failure as an error."""
        item = await self._chunks.get()
        if isinstance(item, EngineError):
            raise item
        return item


def _settle(ready: asyncio.Future[Capabilities], outcome: Capabilities | EngineError) -> None:
    """Answer whoever waits for the model, unless that is done or nobody waits any more."""
    if ready.done():
        return
    if isinstance(outcome, EngineError):
        ready.set_exception(outcome)
    else:
        ready.set_result(outcome)


def _failure(problem: BaseException) -> EngineError:
    words = str(problem).strip() or type(problem).__name__
    memory = "out of memory" in words.lower() or isinstance(problem, MemoryError)
    return EngineError(
        f"the model failed: {type(problem).__name__}: {words}",
        hint="shorten the prompt or lower max_tokens" if memory else "see the log; try again",
        code="E1200",
    )
