"""Predictions that run in one call, where the predictor offers it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cogsmith.errors import SetupFailed
from cogsmith.prediction import Log, Prediction, Status
from cogsmith.runtime import Worker
from tests.runtime.harness import finished, first, folded, spec, with_worker


async def together(worker: Worker, *inputs: dict[str, Any]) -> list[Prediction]:
    return await asyncio.gather(
        *(finished(worker, f"p{number}", **given) for number, given in enumerate(inputs))
    )


def test_those_that_come_together_run_in_one_call() -> None:
    async def use(worker: Worker) -> list[Prediction]:
        assert worker.slots == 4
        return await together(worker, *({"text": letter} for letter in "abcd"))

    done = with_worker("batch", use)
    assert [one.output for one in done] == ["a of 4", "b of 4", "c of 4", "d of 4"]


def test_one_alone_does_not_wait_for_ever_and_more_than_fit_are_two_calls() -> None:
    async def use(worker: Worker) -> list[Prediction]:
        assert (await finished(worker, text="a")).output == "a of 1"
        return await together(worker, *({"text": str(number)} for number in range(6)))

    done = with_worker("batch", use)
    assert [one.output for one in done] == [
        "0 of 4", "1 of 4", "2 of 4", "3 of 4", "4 of 2", "5 of 2",
    ]  # fmt: skip


def test_an_exception_in_the_list_fails_its_own_prediction_alone() -> None:
    async def use(worker: Worker) -> list[Prediction]:
        return await together(worker, {"text": "a"}, {"text": "b", "fail": True}, {"text": "c"})

    done = with_worker("batch", use)
    assert [one.status for one in done] == [Status.SUCCEEDED, Status.FAILED, Status.SUCCEEDED]
    assert done[1].error == "ValueError: b"


def test_a_call_that_raises_fails_all_of_it_and_the_worker_goes_on() -> None:
    async def use(worker: Worker) -> list[Prediction]:
        done = await together(worker, {"text": "a", "seconds": "long"}, {"text": "b"})
        assert (await finished(worker, text="c")).output == "c of 1"
        return done

    done = with_worker("batch", use)
    assert {one.status for one in done} == {Status.FAILED}
    assert all("TypeError" in one.error for one in done)


def test_who_is_canceled_while_the_call_runs_is_told_so_and_the_others_are_not() -> None:
    async def use(worker: Worker) -> list[Prediction]:
        from cogsmith.prediction import Started

        tasks = [await first(worker, name, Started, text=name, seconds=0.5) for name in ("a", "b")]
        await asyncio.sleep(0.3)  # beyond the wait: the call has begun
        assert await worker.cancel("a")
        return [folded(await task) for task in tasks]

    a, b = with_worker("batch", use)
    assert (a.status, b.output) == (Status.CANCELED, "b of 2")


def test_who_is_canceled_before_the_call_is_left_out_of_it() -> None:
    async def use(worker: Worker) -> list[Prediction]:
        from cogsmith.prediction import Started

        tasks = [await first(worker, name, Started, text=name) for name in ("a", "b")]
        assert await worker.cancel("b")
        return [folded(await task) for task in tasks]

    a, b = with_worker("batch", use)
    assert (a.output, b.status) == ("a of 1", Status.CANCELED)


WRONG = """
class Predictor:
    {attributes}
    def predict(self, text: str = "") -> str:
        return text
    def predict_batch(self, inputs):
        print("in the call")
        return {result}
"""


@pytest.mark.parametrize(
    ("result", "words"), [("None", "gave back NoneType"), ("['a', 'b']", "gave back 2 outputs")]
)
def test_a_wrong_list_fails_the_batch_with_what_is_needed(
    tmp_path: Path, result: str, words: str
) -> None:
    (tmp_path / "wrong.py").write_text(WRONG.format(result=result, attributes="max_batch_size = 2"))
    logs: list[Log] = []

    async def use(worker: Worker) -> Prediction:
        return await finished(worker)

    done = with_worker(spec("wrong", project=tmp_path), use, logs)
    assert done.status is Status.FAILED
    assert words in done.error
    assert "in the call\n" in "".join(log.text for log in logs)  # nobody's in particular


def test_a_size_that_makes_no_sense_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG.format(result="[]", attributes="max_batch_size = 0"))
    with pytest.raises(SetupFailed, match="max_batch_size is 0"):
        with_worker(spec("wrong", project=tmp_path), finished)
