"""The promises of `Engine` around a back end that needs no vLLM."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from cogsmith.engine.engine import Capabilities, Chunk, Request
from cogsmith.engine.vllm.engine import VllmEngine, dead
from cogsmith.errors import CheckpointError, EngineError, PromptTooLong


class Puppet:
    """A back end that answers what it is told to, and forgets nothing."""

    capabilities = Capabilities(batching=True, logprobs=True, max_context=100)

    def __init__(self) -> None:
        self.alive = True
        self.cache_used = 0.25
        self.lines: dict[str, asyncio.Queue[Chunk | EngineError | None]] = {}
        self.left: list[str] = []
        self.deaf = False  # it does not know an id yet when it is to abort it
        self.closed_in: list[str] = []

    async def answer(self, request: Request) -> AsyncGenerator[Chunk, None]:
        line = self.lines[request.id] = asyncio.Queue()
        try:
            while (item := await line.get()) is not None:
                if isinstance(item, EngineError):
                    raise item
                yield item
        finally:
            self.left.append(request.id)

    async def abort(self, request_id: str) -> None:
        if not self.deaf:
            self.say(request_id, Chunk(finish_reason="cancelled"))

    def close(self) -> None:
        self.closed_in.append(threading.current_thread().name)

    def say(self, request_id: str, *items: Chunk | EngineError | None) -> None:
        for item in items:
            self.lines[request_id].put_nowait(item)


class Answer:
    """What one request got, read in a task of its own."""

    def __init__(self, engine: VllmEngine, request: Request) -> None:
        self.ids: list[int] = []
        self.reasons: list[str | None] = []
        self.chunks = engine.generate(request)
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> str | None:
        async for chunk in self.chunks:
            self.ids += chunk.token_ids
            self.reasons.append(chunk.finish_reason)
        return self.reasons[-1]


def asked(id_: str = "a", *, max_tokens: int = 9) -> Request:
    return Request(id=id_, token_ids=(1, 2, 3), max_tokens=max_tokens)


def tokens(*ids: int, reason: str | None = None) -> Chunk:
    return Chunk(token_ids=ids, finish_reason=reason)  # type: ignore[arg-type]


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def story(tell: Callable[[VllmEngine, Puppet], Awaitable[None]]) -> None:
    async def told() -> None:
        puppet = Puppet()
        engine = VllmEngine(lambda: puppet)
        await engine.load()
        await tell(engine, puppet)
        await engine.close()

    asyncio.run(asyncio.wait_for(told(), 20))


def test_an_answer_arrives_as_it_is_made() -> None:
    async def tell(engine: VllmEngine, puppet: Puppet) -> None:
        assert engine.capabilities.max_context == 100
        one, other = Answer(engine, asked("a")), Answer(engine, asked("b"))
        await settle()
        assert (engine.stats().running, engine.stats().waiting) == (0, 2)
        puppet.say("a", tokens(7, 8))
        await settle()
        assert one.ids == [7, 8]
        stats = engine.stats()
        assert (stats.running, stats.waiting, stats.cache_used) == (1, 1, 0.25)
        puppet.say("b", tokens(4, reason="length"))
        puppet.say("a", tokens(9), tokens(reason="stop"))
        assert [await one.task, await other.task] == ["stop", "length"]
        assert (one.ids, other.ids) == ([7, 8, 9], [4])
        stats = engine.stats()
        assert (stats.running, stats.prompt_tokens, stats.output_tokens) == (0, 6, 4)
        assert sorted(puppet.left) == ["a", "b"]

    story(tell)


def test_what_does_not_fit_never_gets_to_vllm() -> None:
    async def tell(engine: VllmEngine, puppet: Puppet) -> None:
        with pytest.raises(PromptTooLong):
            await Answer(engine, asked(max_tokens=98)).task
        assert puppet.lines == {}

    story(tell)


def test_an_id_is_answered_once_at_a_time() -> None:
    async def tell(engine: VllmEngine, puppet: Puppet) -> None:
        first = Answer(engine, asked())
        await settle()
        with pytest.raises(EngineError, match="being answered already"):
            await Answer(engine, asked()).task
        puppet.say("a", tokens(1, reason="stop"))
        assert await first.task == "stop"
        again = Answer(engine, asked())
        await settle()
        puppet.say("a", tokens(2, reason="stop"))
        assert await again.task == "stop"

    story(tell)


def test_cancel_ends_one_stream_and_no_other() -> None:
    async def tell(engine: VllmEngine, puppet: Puppet) -> None:
        one, other = Answer(engine, asked("a")), Answer(engine, asked("b"))
        await settle()
        puppet.say("a", tokens(7))
        await settle()
        for id_ in ("a", "a", "nobody"):
            await engine.cancel(id_)
        assert await one.task == "cancelled"
        assert one.ids == [7]
        puppet.say("b", tokens(1, reason="stop"))
        assert await other.task == "stop"
        await engine.cancel("a")

    story(tell)


def test_a_cancel_that_comes_before_vllm_knows_the_request_is_not_lost() -> None:
    async def tell(engine: VllmEngine, puppet: Puppet) -> None:
        answer = Answer(engine, asked())
        await settle()
        puppet.deaf = True
        await engine.cancel("a")
        puppet.say("a", tokens(7))
        assert await answer.task == "cancelled"
        assert puppet.left == ["a"]

    story(tell)


@pytest.mark.parametrize("last", [tokens(5, reason="stop"), dead()])
def test_after_a_cancel_no_other_end_is_told(last: Chunk | EngineError) -> None:
    async def tell(engine: VllmEngine, puppet: Puppet) -> None:
        answer = Answer(engine, asked())
        await settle()
        puppet.deaf = True
        puppet.say("a", last)
        await engine.cancel("a")
        assert await answer.task == "cancelled"
        assert answer.reasons == ["cancelled"]

    story(tell)


def test_closing_and_cancelling_the_reader_abort() -> None:
    async def tell(engine: VllmEngine, puppet: Puppet) -> None:
        chunks = engine.generate(asked("a"))
        reading = asyncio.ensure_future(anext(chunks))
        answer = Answer(engine, asked("b"))
        await settle()
        puppet.say("a", tokens(7))
        await reading
        await chunks.aclose()
        answer.task.cancel()
        await settle()
        assert sorted(puppet.left) == ["a", "b"]
        assert engine.stats().running + engine.stats().waiting == 0

    story(tell)


def test_a_request_that_fails_fails_alone() -> None:
    async def tell(engine: VllmEngine, puppet: Puppet) -> None:
        one, other = Answer(engine, asked("a")), Answer(engine, asked("b"))
        await settle()
        puppet.say("a", EngineError("vLLM failed on this request", code="E1200"))
        with pytest.raises(EngineError, match="on this request"):
            await one.task
        puppet.say("b", tokens(1, reason="stop"))
        assert await other.task == "stop"

    story(tell)


def test_a_stream_that_just_stops_is_not_taken_for_an_end() -> None:
    async def tell(engine: VllmEngine, puppet: Puppet) -> None:
        answer = Answer(engine, asked())
        await settle()
        puppet.say("a", tokens(7), None)
        with pytest.raises(EngineError, match="has died"):
            await answer.task

    story(tell)


def test_the_dead_answer_nobody_and_say_what_helps() -> None:
    async def tell(engine: VllmEngine, puppet: Puppet) -> None:
        answer = Answer(engine, asked())
        await settle()
        puppet.alive = False
        puppet.say("a", dead())
        with pytest.raises(EngineError) as failed:
            await answer.task
        assert failed.value.code == "E1200"
        assert "the worker has to start again" in failed.value.hint
        with pytest.raises(EngineError, match="has died"):
            await Answer(engine, asked("b")).task
        assert "b" not in puppet.lines
        assert not engine.alive

    story(tell)


def test_another_event_loop_is_told_so() -> None:
    async def tell(engine: VllmEngine, puppet: Puppet) -> None:
        async def elsewhere() -> None:
            async for _ in engine.generate(asked()):
                pass

        with pytest.raises(EngineError, match="another event loop"):
            await asyncio.to_thread(lambda: asyncio.run(elsewhere()))
        assert puppet.lines == {}

    story(tell)


def test_close_ends_every_stream_and_vllm_in_a_thread() -> None:
    async def tell(engine: VllmEngine, puppet: Puppet) -> None:
        answers = [Answer(engine, asked(name)) for name in "abc"]
        await settle()
        await engine.close()
        await engine.close()
        assert [await answer.task for answer in answers] == ["cancelled"] * 3
        assert len(puppet.closed_in) == 1
        assert puppet.closed_in[0] != threading.main_thread().name
        with pytest.raises(EngineError, match="not running") as failed:
            await Answer(engine, asked()).task
        assert failed.value.code == "E1200"
        assert not engine.alive

    story(tell)


def test_what_went_wrong_at_the_start_is_told() -> None:
    def make() -> Puppet:
        raise CheckpointError("vLLM cannot run this checkpoint", where="/weights")

    async def told() -> None:
        engine = VllmEngine(make)
        with pytest.raises(CheckpointError, match="cannot run"):
            await engine.load()
        await engine.close()

    asyncio.run(told())
