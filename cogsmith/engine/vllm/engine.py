"""The engine of the vLLM back end: requests in, chunks out, cancels that always arrive.

vLLM batches by itself, in processes of its own; what is kept here are the promises of `Engine`
that it does not make: an id is answered once at a time, a cancelled stream ends as cancelled
whatever vLLM was about to say, and a process that died is told as such. Nothing here imports
vLLM; what answers is a `Backend`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from typing import Protocol

from cogsmith.engine.engine import Capabilities, Chunk, Request, Stats, admit
from cogsmith.errors import EngineError

__all__ = ["Backend", "VllmEngine", "dead"]


class Backend(Protocol):
    """A running vLLM. What it raises is an EngineError; all but `close` belong to one loop."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do with its checkpoint."""

    @property
    def alive(self) -> bool:
        """Whether its processes are there; once they are not, they never are again."""

    @property
    def cache_used(self) -> float:
        """The share of its key-value cache that is in use, from 0 to 1."""

    def answer(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Answer; the last chunk has a ``finish_reason``. Closing it aborts the request."""

    async def abort(self, request_id: str) -> None:
        """Let the answer end with ``cancelled``, if there is one and it has not ended."""

    def close(self) -> None:
        """End the processes; takes seconds."""


class VllmEngine:
    """An `Engine` around vLLM, bound to the event loop in which it was loaded."""

    def __init__(self, make: Callable[[], Backend]) -> None:
        """Keep ``make``, which starts vLLM and takes a minute, for `load`."""
        self._make = make
        self._backend: Backend | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._jobs: dict[str, _Job] = {}
        self._told = Stats()
        self.capabilities = Capabilities()

    @property
    def alive(self) -> bool:
        """Whether it can answer. Once vLLM's process has died, only a new engine can."""
        return self._backend is not None and self._backend.alive

    async def load(self) -> None:
        """Start vLLM in a thread, so that the loop stays free."""
        self._backend = await asyncio.to_thread(self._make)
        self._loop = asyncio.get_running_loop()
        self.capabilities = self._backend.capabilities

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Answer; closing the iterator cancels the request."""
        admit(request, self.capabilities)
        backend = self._ready(request)
        job = self._jobs[request.id] = _Job()
        chunks = backend.answer(request)
        try:
            async for chunk in chunks:
                self._count(job, request, chunk)
                if job.cancelled:
                    chunk = replace(chunk, finish_reason="cancelled")  # noqa: PLW2901
                yield chunk
                if chunk.finish_reason is not None:
                    return
            raise dead()
        except EngineError:
            if not job.cancelled:
                raise
            yield Chunk(finish_reason="cancelled")
        finally:
            del self._jobs[request.id]
            await chunks.aclose()

    async def cancel(self, request_id: str) -> None:
        """End that request's stream at once, or with its next chunk if vLLM lacks it yet."""
        job = self._jobs.get(request_id)
        if job is None or job.cancelled:
            return
        job.cancelled = True
        if self._backend is not None and self._backend.alive:
            await self._backend.abort(request_id)

    def stats(self) -> Stats:
        """How busy it is."""
        begun = sum(job.begun for job in self._jobs.values())
        used = self._backend.cache_used if self._backend is not None else 0.0
        return replace(self._told, running=begun, waiting=len(self._jobs) - begun, cache_used=used)

    async def close(self) -> None:
        """Cancel what runs and end vLLM's processes, in a thread."""
        backend = self._backend
        if backend is None:
            return
        for request_id in list(self._jobs):
            await self.cancel(request_id)
        self._backend = None
        await asyncio.to_thread(backend.close)

    def _ready(self, request: Request) -> Backend:
        if self._backend is None:
            raise EngineError("the engine is not running", code="E1200", hint="load it again")
        if not self._backend.alive:
            raise dead()
        if asyncio.get_running_loop() is not self._loop:
            raise EngineError(
                "the engine was loaded in another event loop",
                code="E1200",
                hint="load it and use it in one: setup() and predict() both async",
            )
        if request.id in self._jobs:
            raise EngineError(f"a request {request.id!r} is being answered already", where="id")
        return self._backend

    def _count(self, job: _Job, request: Request, chunk: Chunk) -> None:
        prompt = 0 if job.begun or not chunk.token_ids else len(request.token_ids)
        job.begun = job.begun or bool(chunk.token_ids)
        self._told = Stats(
            prompt_tokens=self._told.prompt_tokens + prompt,
            output_tokens=self._told.output_tokens + len(chunk.token_ids),
        )


@dataclass
class _Job:
    """A request on its way: whether it has begun, whether it was taken back."""

    begun: bool = False
    cancelled: bool = False


def dead() -> EngineError:
    """The error of every request once vLLM's process has died."""
    return EngineError(
        "vLLM's engine process has died, and every answer with it",
        code="E1200",
        hint="see the log for the cause (memory, often); the worker has to start again "
        "before it can answer",
    )
