"""The engine of the transformers back end: one thread owns the model, loops only wait.

This is the side that callers see. The thread's side is `service`; what turns requests into
tokens is a `Runner`. Nothing here knows torch.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from cogsmith.engine.engine import Capabilities, Chunk, Request, Stats, admit
from cogsmith.engine.transformers.failures import STEP_FAILURES, failure
from cogsmith.engine.transformers.runner import Runner
from cogsmith.engine.transformers.service import Inbox, Job, Service, deliver
from cogsmith.errors import CogsmithError, EngineError

if TYPE_CHECKING:
    from cogsmith.engine.transformers.lora import Shelf

__all__ = ["TransformersEngine"]


class TransformersEngine:
    """An `Engine` around a runner that is made, run and dropped in one thread."""

    def __init__(self, make: Callable[[], Runner]) -> None:
        """Keep ``make``, which loads the model, for `load`."""
        self._make = make
        self._inbox: Inbox = queue.SimpleQueue()
        self._jobs: dict[str, Job] = {}
        self._service: Service | None = None
        self._shelf: Shelf | None = None
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
        """End that request's stream now; the thread notices before its next step."""
        if request_id in self._jobs:
            self._jobs[request_id].cancel()

    def stats(self) -> Stats:
        """How busy it is."""
        service = self._service
        if service is None:
            return Stats(waiting=len(self._jobs))
        found = service.stats()
        running = min(found.running, len(self._jobs))
        return replace(found, running=running, waiting=len(self._jobs) - running)

    async def close(self) -> None:
        """Cancel what runs and let go of the model."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        for job in self._jobs.values():
            job.cancel()
        self._inbox.put(None)
        await asyncio.to_thread(thread.join)

    def _gone(self) -> bool:
        """Whether the thread has ended; it sets this itself, at any moment."""
        return self._ended

    def _submit(self, request: Request) -> Job:
        if self._thread is None or self._gone():
            raise EngineError("the engine is not running", code="E1200", hint="load it again")
        if request.id in self._jobs:
            raise EngineError(f"a request {request.id!r} is being answered already", where="id")
        job = self._jobs[request.id] = Job(request)
        if request.adapter is None:
            self._post(job)
        else:
            job.fetching = asyncio.create_task(self._fetch(job, request.adapter))
        return job

    def _post(self, job: Job) -> None:
        self._inbox.put(job)
        if self._gone():  # between the look before and now: nobody else would tell this one
            deliver([(job, EngineError("the engine's thread ended", code="E1200"))])

    async def _fetch(self, job: Job, adapter: str) -> None:
        """Bring the job's adapter, then post it; meanwhile the others' steps go on."""
        shelf = self._shelf
        assert shelf is not None, "admitted, so that the model takes adapters"
        try:
            job.deltas = await asyncio.to_thread(shelf.get, adapter)
        except (EngineError, *STEP_FAILURES) as problem:
            deliver([(job, failure(problem))])
        else:
            self._post(job)

    def _work(self, loop: asyncio.AbstractEventLoop, ready: asyncio.Future[Capabilities]) -> None:
        """The thread: load, answer until told to end, and never end without a word."""
        ending = EngineError("the engine's thread ended", code="E1200", hint="load it again")
        try:
            runner = self._make()
            self._shelf = runner.shelf
            self._service = Service(runner, self._inbox)
            loop.call_soon_threadsafe(_settle, ready, runner.capabilities)
            self._service.run()
        except (CogsmithError, *STEP_FAILURES) as problem:
            ending = failure(problem)
        finally:
            self._ended = True
            self._service = self._shelf = None
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, ready, ending)
            deliver([(job, ending) for job in list(self._jobs.values())])


def _settle(ready: asyncio.Future[Capabilities], outcome: Capabilities | EngineError) -> None:
    """Answer whoever waits for the model, unless that is done or nobody waits any more."""
    if ready.done():
        return
    if isinstance(outcome, EngineError):
        ready.set_exception(outcome)
    else:
        ready.set_result(outcome)
