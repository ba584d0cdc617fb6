"""Readers that are slower than the predictor: nothing is lost, memory stays bounded."""

from __future__ import annotations

import asyncio

import pytest

from cogsmith.prediction import Output
from cogsmith.runtime import Worker
from cogsmith.runtime.run import MOST_EVENTS
from tests.runtime.harness import finished, values, with_worker

COUNT = 60_000


def held(worker: Worker) -> int:
    """Events that wait for their readers."""
    return max((len(run._events) for run in worker._runs.values()), default=0)


@pytest.mark.parametrize("name", ["stream", "async_stream"])
def test_a_slow_reader_holds_the_predictor(name: str) -> None:
    async def use(worker: Worker) -> None:
        run = worker.predict("slow", {"count": COUNT})
        happened = [await anext(run)]
        most = 0
        for _ in range(20):
            await asyncio.sleep(0.02)
            most = max(most, held(worker))
            happened.append(await anext(run))
        # What one read of the socket brings may come on top.
        assert MOST_EVENTS <= most < 12 * MOST_EVENTS
        happened += [event async for event in run]
        assert values(happened) == [f"{n} " for n in range(COUNT)]

    with_worker(name, use)


@pytest.mark.parametrize("name", ["stream", "async_stream"])
def test_a_predictor_that_is_held_can_be_canceled(name: str) -> None:
    async def use(worker: Worker) -> None:
        run = worker.predict("slow", {"count": 10**9})
        await anext(run)
        await asyncio.sleep(0.2)
        await worker.cancel("slow")
        rest = [event async for event in run]
        assert rest[-1].status == "canceled"
        assert all(isinstance(event, Output) for event in rest[:-1])
        left = worker.predict("left", {"count": 10**9})
        await anext(left)
        await asyncio.sleep(0.2)
        await left.aclose()
        assert (await finished(worker, count=2)).output == ["0 ", "1 "]

    with_worker(name, use)


def test_a_slow_reader_holds_nobody_else() -> None:
    async def use(worker: Worker) -> None:
        slow = worker.predict("slow", {"count": 10**9})
        await anext(slow)
        await asyncio.sleep(0.2)
        for turn in range(5):
            quick = await finished(worker, str(turn), count=2000)
            assert len(quick.output) == 2000
        await slow.aclose()

    with_worker("async_stream", use)
