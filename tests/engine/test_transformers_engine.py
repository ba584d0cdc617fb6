"""The thread, its queue and its turns, with a decoder that needs no torch."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import pytest

from cogsmith.engine.engine import Capabilities, Chunk, Request
from cogsmith.engine.transformers.engine import TransformersEngine
from cogsmith.engine.transformers.runner import Turns
from cogsmith.errors import CheckpointError, EngineError


class Unforeseen(Exception):
    """Nothing that a model is known to raise."""


@dataclass
class Counter:
    """Counts up from the prompt's first token; below zero it fails, at 100 it ends."""

    failures = {  # noqa: RUF012
        -1: RuntimeError("CUDA out of memory"),
        -2: EngineError("no such image", where="image"),
        -3: Unforeseen(),
    }
    gate: threading.Event = field(default_factory=threading.Event)
    stepped: list[int] = field(default_factory=list)
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(max_context=10_000))

    shelf = None

    def adapted(self, _: object) -> AbstractContextManager[None]:
        return nullcontext()

    def decode(self, request: Request) -> Iterator[Chunk | None]:
        token = request.token_ids[0]
        if token in self.failures:
            raise self.failures[token]
        yield None
        while token != 100:
            self.gate.wait(5)
            self.stepped.append(token)
            yield Chunk(token_ids=(token,))
            token += 1


def asked(id_: str, first: int = 0, *, max_tokens: int = 3) -> Request:
    return Request(id=id_, token_ids=(first,), max_tokens=max_tokens)


async def read(engine: TransformersEngine, request: Request) -> tuple[list[int], str | None]:
    chunks: list[Chunk] = [chunk async for chunk in engine.generate(request)]
    assert [chunk.finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    return [id_ for chunk in chunks for id_ in chunk.token_ids], chunks[-1].finish_reason


def story(tell: Callable[[TransformersEngine, Counter], object]) -> None:
    async def told() -> None:
        counter = Counter()
        engine = TransformersEngine(lambda: Turns(counter, places=2))
        await engine.load()
        try:
            await tell(engine, counter)  # type: ignore[misc]
        finally:
            counter.gate.set()
            await engine.close()

    asyncio.run(asyncio.wait_for(told(), 20))


def test_length_and_stop() -> None:
    async def tell(engine: TransformersEngine, counter: Counter) -> None:
        counter.gate.set()
        assert await read(engine, asked("a")) == ([0, 1, 2], "length")
        assert await read(engine, asked("b", 98)) == ([98, 99], "stop")
        assert await read(engine, asked("c", 100)) == ([], "stop")
        assert engine.stats().output_tokens == 5
        assert engine.stats().prompt_tokens == 3

    story(tell)


def test_requests_take_turns_and_those_without_a_place_wait() -> None:
    async def tell(engine: TransformersEngine, counter: Counter) -> None:
        readers = [asyncio.create_task(read(engine, asked(name, 10 * n))) for n, name in
                   enumerate("abc")]  # fmt: skip
        while engine.stats().running < 2:
            await asyncio.sleep(0.001)
        assert engine.stats().waiting == 1
        assert engine.stats().cache_used == 1
        counter.gate.set()
        await asyncio.gather(*readers)
        first, last = counter.stepped[:6], counter.stepped[6:]
        assert sorted(first) == [0, 1, 2, 10, 11, 12]
        assert first.index(11) < first.index(2)
        assert first.index(1) < first.index(12)
        assert last == [20, 21, 22]

    story(tell)


def test_cancel_ends_at_once_even_in_the_middle_of_a_step() -> None:
    async def tell(engine: TransformersEngine, counter: Counter) -> None:
        readers = [asyncio.create_task(read(engine, asked(name, max_tokens=99))) for name in "ab"]
        while engine.stats().running == 0:
            await asyncio.sleep(0.001)
        for name in "aab":
            await engine.cancel(name)
        assert await asyncio.gather(*readers) == [([], "cancelled")] * 2
        counter.gate.set()
        assert await read(engine, asked("c", 50)) == ([50, 51, 52], "length")
        assert counter.stepped[-3:] == [50, 51, 52]
        assert len(counter.stepped) <= 4
        await engine.cancel("a")
        await engine.cancel("nobody")

    story(tell)


def test_closing_the_iterator_frees_the_thread() -> None:
    async def tell(engine: TransformersEngine, counter: Counter) -> None:
        counter.gate.set()
        chunks = engine.generate(asked("a", 1000, max_tokens=5000))
        await anext(chunks)
        await chunks.aclose()
        assert await read(engine, asked("a")) == ([0, 1, 2], "length")
        assert len(counter.stepped) < 5000

    story(tell)


def test_a_failing_request_fails_alone() -> None:
    async def tell(engine: TransformersEngine, counter: Counter) -> None:
        counter.gate.set()
        with pytest.raises(EngineError, match="RuntimeError: CUDA out of memory") as caught:
            await read(engine, asked("a", -1))
        assert caught.value.code == "E1200"
        assert caught.value.hint == "shorten the prompt or lower max_tokens"
        with pytest.raises(EngineError, match="image: no such image"):
            await read(engine, asked("a", -2))
        assert await read(engine, asked("b")) == ([0, 1, 2], "length")

    story(tell)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_a_thread_that_is_gone() -> None:
    async def tell(engine: TransformersEngine, _: Counter) -> None:
        readers = [asyncio.create_task(read(engine, asked(name, -3))) for name in "ab"]
        for outcome in await asyncio.gather(*readers, return_exceptions=True):
            assert "the engine's thread ended" in str(outcome)
        with pytest.raises(EngineError, match="not running"):
            await read(engine, asked("c"))

    story(tell)


def test_an_id_is_used_once_at_a_time() -> None:
    async def tell(engine: TransformersEngine, _: Counter) -> None:
        reader = asyncio.create_task(read(engine, asked("a")))
        await asyncio.sleep(0)
        with pytest.raises(EngineError, match="'a' is being answered already"):
            await read(engine, asked("a"))
        await engine.cancel("a")
        await reader

    story(tell)


def test_close_ends_every_stream_and_refuses_the_next() -> None:
    async def tell(engine: TransformersEngine, counter: Counter) -> None:
        readers = [asyncio.create_task(read(engine, asked(name))) for name in "ab"]
        await asyncio.sleep(0.01)
        counter.gate.set()
        await engine.close()
        await engine.close()
        assert all(
            reason in {"cancelled", "length"} for _, reason in await asyncio.gather(*readers)
        )
        with pytest.raises(EngineError, match="not running"):
            await read(engine, asked("c"))

    story(tell)


def test_many_loops_may_ask_one_engine() -> None:
    counter = Counter()
    counter.gate.set()
    engine = TransformersEngine(lambda: Turns(counter))
    asyncio.run(engine.load())
    for name in "ab":
        assert asyncio.run(read(engine, asked(name))) == ([0, 1, 2], "length")
    asyncio.run(engine.close())


def test_a_load_that_fails_is_told() -> None:
    def make() -> Turns:
        raise CheckpointError("broken", where="folder")

    with pytest.raises(CheckpointError, match="folder: broken"):
        asyncio.run(asyncio.wait_for(TransformersEngine(make).load(), 20))


def test_a_step_posts_once_for_each_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many tokens of one step wake a loop once."""

    class Pairs:
        capabilities = Capabilities(max_context=100)
        used = 0.0
        shelf = None

        def __init__(self) -> None:
            self.numbers: list[int] = []

        def join(self, number: int, _: Request, __: object) -> bool:
            self.numbers.append(number)
            return True

        def leave(self, number: int) -> None:
            self.numbers.remove(number)

        def step(self) -> list[tuple[int, Chunk | EngineError]]:
            if len(self.numbers) < 2:
                return []
            told, self.numbers = self.numbers, []
            return [(n, Chunk(token_ids=(n,), finish_reason="length")) for n in told]

    async def tell() -> int:
        engine = TransformersEngine(Pairs)
        await engine.load()
        loop = asyncio.get_running_loop()
        calls: list[object] = []
        post = loop.call_soon_threadsafe

        def counted(callback: Callable[..., object], *given: object) -> object:
            calls.append(callback)
            return post(callback, *given)

        monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
        answers = await asyncio.gather(*(read(engine, asked(name)) for name in "ab"))
        posted = len(calls)
        await engine.close()
        assert answers == [([0], "length"), ([1], "length")]
        return posted

    assert asyncio.run(asyncio.wait_for(tell(), 20)) == 1


def test_what_never_fits_is_told_and_the_next_is_answered() -> None:
    class Picky:
        capabilities = Capabilities()
        used = 0.0
        shelf = None

        def join(self, number: int, request: Request, _: object) -> bool:
            if request.id == "broken":
                raise MemoryError
            return request.id != "huge"

        def leave(self, number: int) -> None:
            raise AssertionError

        def step(self) -> list[tuple[int, Chunk | EngineError]]:
            return [(0, Chunk(finish_reason="stop"))]

    async def tell() -> None:
        engine = TransformersEngine(Picky)
        await engine.load()
        with pytest.raises(EngineError, match="no room"):
            await read(engine, asked("huge"))
        with pytest.raises(EngineError, match="MemoryError") as caught:
            await read(engine, asked("broken"))
        assert caught.value.hint == "shorten the prompt or lower max_tokens"
        assert await read(engine, asked("small")) == ([], "stop")
        await engine.close()

    asyncio.run(asyncio.wait_for(tell(), 20))
