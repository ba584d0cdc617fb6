"""Taking predictions back, at any moment, without hurting those that follow."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing

import pytest

from cogsmith.prediction import Event, Finished, Log, Output, Started, Status
from cogsmith.runtime import Worker
from tests.runtime.harness import events, finished, first, folded, spec, texts, with_worker

SEED = 20261124


@pytest.mark.parametrize("name", ["sleep", "async_sleep"])
def test_the_authors_code_is_woken(name: str) -> None:
    async def use(worker: Worker) -> list[Event]:
        task = await first(worker, "p", Log)
        assert await worker.cancel("p")
        return await task

    happened = with_worker(name, use)
    assert texts(happened) == "asleep\nwoken\n"
    assert (happened[-1].status, happened[-1].error) == (Status.CANCELED, "")


@pytest.mark.parametrize("name", ["sleep", "async_sleep"])
def test_cancelling_again_does_not_disturb_the_cleaning_up(name: str) -> None:
    async def use(worker: Worker) -> list[Event]:
        task = await first(worker, "p", Log)
        for _ in range(5):
            await worker.cancel("p")
            await asyncio.sleep(0.001)
        happened: list[Event] = await task
        assert (await finished(worker, seconds=0)).output == "rested"
        return happened

    happened = with_worker(name, use)
    assert texts(happened) == "asleep\nwoken\n"
    assert happened[-1].status is Status.CANCELED


def test_an_unknown_or_finished_id_is_nobodys() -> None:
    async def use(worker: Worker) -> list[bool]:
        await finished(worker, "done", text="a")
        answers = [await worker.cancel("done"), await worker.cancel("nobody")]
        assert (await finished(worker, text="b")).output == "b"
        return answers

    assert with_worker("echo", use) == [False, False]


def test_an_author_who_swallows_the_cancel_has_succeeded() -> None:
    async def use(worker: Worker) -> list[Event]:
        task = await first(worker, "p", Log, stubborn=True)
        await worker.cancel("p")
        return await task

    prediction = folded(with_worker("sleep", use))
    assert (prediction.status, prediction.output) == (Status.SUCCEEDED, "rested")


@pytest.mark.parametrize("name", ["cleanup", "async_cleanup"])
@pytest.mark.parametrize("seconds", [0.0, 0.01, 30.0])
def test_generators_see_the_cancel_wherever_they_are(name: str, seconds: float) -> None:
    async def use(worker: Worker) -> list[object]:
        task = await first(worker, "p", Started if seconds > 1 else Output, seconds=seconds)
        await asyncio.sleep(0.05)
        await worker.cancel("p")
        happened = await task
        return [happened[-1].status, (await finished(worker, ask=True)).output]

    assert with_worker(name, use) == [Status.CANCELED, [1]]


@pytest.mark.parametrize("name", ["cleanup", "async_cleanup"])
def test_leaving_the_iterator_cancels(name: str) -> None:
    async def use(worker: Worker) -> object:
        async with aclosing(worker.predict("p", {})) as run:
            async for event in run:
                if isinstance(event, Output) and event.value == 3:
                    break
        assert not await worker.cancel("other")
        return (await finished(worker, ask=True)).output

    assert with_worker(name, use) == [1]


@pytest.mark.parametrize("name", ["sleep", "async_sleep"])
def test_cancelling_the_task_that_reads_cancels(name: str) -> None:
    async def use(worker: Worker) -> object:
        task = await first(worker, "p", Log)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return (await finished(worker, seconds=0)).output

    assert with_worker(name, use) == "rested"


def test_one_that_waits_for_its_turn_is_canceled_at_once() -> None:
    async def use(worker: Worker) -> list[list[Event]]:
        running = await first(worker, "running", Log)
        waiting = asyncio.create_task(events(worker, "waiting"))
        left = asyncio.create_task(events(worker, "left"))
        await asyncio.sleep(0)
        left.cancel()
        assert await worker.cancel("waiting")
        happened = await waiting
        await worker.cancel("running")
        return [happened, await running]

    waiting, running = with_worker("sleep", use)
    assert [type(event) for event in waiting] == [Finished]
    assert waiting[0].status is running[-1].status is Status.CANCELED


@pytest.mark.parametrize("name", ["echo", "async_echo", "stream", "async_stream"])
def test_a_cancel_at_any_moment_leaves_the_next_prediction_alone(name: str) -> None:
    """Most of these cancels come around the end, where a late one could hit the next."""
    chance = random.Random(SEED)
    streams = "stream" in name

    async def use(worker: Worker) -> None:
        for turn in range(150):
            inputs = {"count": chance.randrange(30)} if streams else {"text": "x" * 1000}
            task = asyncio.create_task(events(worker, f"victim {turn}", **inputs))
            await asyncio.sleep(chance.random() * 0.002)
            for _ in range(chance.randrange(3)):
                await worker.cancel(f"victim {turn}")
            following = {"count": 3} if streams else {"text": f"after {turn}"}
            after = await finished(worker, f"after {turn}", **following)
            assert after.status is Status.SUCCEEDED, after
            assert after.output == (["0 ", "1 ", "2 "] if streams else f"after {turn}")
            victim = await task
            assert [e for e in victim if isinstance(e, Finished)] == victim[-1:]
            assert victim[-1].status in {Status.SUCCEEDED, Status.CANCELED}

    with_worker(name, use)


def test_async_predictions_are_canceled_each_for_itself() -> None:
    chance = random.Random(SEED)

    async def use(worker: Worker) -> None:
        async def one(number: int) -> None:
            task = asyncio.create_task(
                events(worker, str(number), count=chance.randrange(40), seconds=0.001)
            )
            fate = chance.random()
            await asyncio.sleep(chance.random() * 0.05)
            if fate < 0.4:
                await worker.cancel(str(number))
            elif fate < 0.6:
                task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                wanted = {Status.SUCCEEDED, Status.CANCELED} if fate < 0.4 else {Status.SUCCEEDED}
                assert task.result()[-1].status in wanted

        await asyncio.gather(*(one(number) for number in range(300)))
        while worker.free < 64:
            await asyncio.sleep(0.01)

    with_worker(spec("async_stream"), use)


def test_a_slow_print_is_never_torn_by_a_cancel() -> None:
    """The signal often comes while a frame is being sent; the frame must stay whole."""

    async def use(worker: Worker) -> None:
        for turn in range(60):
            task = await first(worker, "p", Output)
            await asyncio.sleep(0.0005 * (turn % 7))
            await worker.cancel("p")
            happened = await task
            numbers = [event.value for event in happened if isinstance(event, Output)]
            assert numbers == list(range(len(numbers)))
            assert happened[-1].status is Status.CANCELED

    with_worker("cleanup", use)
