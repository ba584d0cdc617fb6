"""The thread's side of the engine: who waits, who runs, and what each step brought to whom.

Requests join in the order of their coming, between steps. Before each step those that were
taken back leave. What a step brought goes out with one ``call_soon_threadsafe`` for each
event loop that waits for any of it.
"""

from __future__ import annotations

import asyncio
import queue
from collections import deque
from typing import TYPE_CHECKING

from cogsmith.engine.engine import Chunk, Request, Stats
from cogsmith.engine.transformers.failures import STEP_FAILURES, failure
from cogsmith.engine.transformers.runner import Runner
from cogsmith.errors import EngineError

if TYPE_CHECKING:
    from cogsmith.engine.transformers.lora import Deltas

__all__ = ["Inbox", "Job", "Service", "deliver"]


class Job:
    """A request on its way: the thread delivers, the request's own loop reads."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.deltas: Deltas | None = None
        self.fetching: asyncio.Task[None] | None = None  # or it would be collected as garbage
        self.dropped = False
        self.loop = asyncio.get_running_loop()
        self._chunks: asyncio.Queue[Chunk | EngineError] = asyncio.Queue()

    def cancel(self) -> None:
        """Deliver the last chunk; what the thread may still send after it is never read."""
        if not self.dropped:
            self.dropped = True
            deliver([(self, Chunk(finish_reason="cancelled"))])

    def take(self, item: Chunk | EngineError) -> None:
        """Keep for the reader; called in the request's loop."""
        self._chunks.put_nowait(item)

    async def next(self) -> Chunk:
        """The next chunk, or the failure as an error."""
        item = await self._chunks.get()
        if isinstance(item, EngineError):
            raise item
        return item


Letter = tuple[Job, "Chunk | EngineError"]
Inbox = queue.SimpleQueue["Job | None"]
"""New requests; None is the end."""


def deliver(letters: list[Letter]) -> None:
    """Send from any thread, one call for each loop; a loop that is gone takes nothing."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Letter]] = {}
    for letter in letters:
        by_loop.setdefault(letter[0].loop, []).append(letter)
    for loop, theirs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_hand_out, theirs)
        except RuntimeError:
            for job, _ in theirs:
                job.dropped = True


def _hand_out(letters: list[Letter]) -> None:
    for job, item in letters:
        job.take(item)


class Service:
    """Answers an inbox's requests with a runner until the inbox says that it is enough."""

    def __init__(self, runner: Runner, inbox: Inbox) -> None:
        self._runner = runner
        self._inbox = inbox
        self._waiting: deque[Job] = deque()
        self._running: dict[int, Job] = {}
        self._joined = self._prompt = self._output = 0

    def stats(self) -> Stats:
        """How busy it is; may be asked from any thread."""
        return Stats(
            running=len(self._running),
            waiting=len(self._waiting) + self._inbox.qsize(),
            prompt_tokens=self._prompt,
            output_tokens=self._output,
            cache_used=self._runner.used,
        )

    def run(self) -> None:
        """Answer until told to end."""
        while self._collect():
            self._let_go()
            self._let_in()
            if self._running:
                self._step()

    def _collect(self) -> bool:
        """Everything new; waits where there is nothing to do. False: the end."""
        idle = not (self._running or self._waiting)
        while idle or not self._inbox.empty():
            job = self._inbox.get()
            if job is None:
                return False
            self._waiting.append(job)
            idle = False
        return True

    def _let_go(self) -> None:
        for number, job in list(self._running.items()):
            if job.dropped:
                self._runner.leave(number)
                del self._running[number]
        if any(job.dropped for job in self._waiting):
            self._waiting = deque(job for job in self._waiting if not job.dropped)

    def _let_in(self) -> None:
        """In order: a request that does not fit now holds up those behind it, or it starves."""
        while self._waiting:
            job = self._waiting[0]
            try:
                joined = self._runner.join(self._joined, job.request, job.deltas)
            except (EngineError, *STEP_FAILURES) as problem:
                self._waiting.popleft()
                deliver([(job, failure(problem))])
                continue
            if not joined and self._running:
                return
            self._waiting.popleft()
            if not joined:
                deliver([(job, EngineError("there is no room for it", code="E1200"))])
                continue
            self._running[self._joined] = job
            self._joined += 1
            self._prompt += len(job.request.token_ids)

    def _step(self) -> None:
        letters: list[Letter] = []
        for number, item in self._runner.step():
            job = self._running[number]
            letters.append((job, item))
            ended = isinstance(item, EngineError) or item.finish_reason is not None
            if isinstance(item, Chunk):
                self._output += len(item.token_ids)
            if ended:
                del self._running[number]
        if letters:
            deliver(letters)
