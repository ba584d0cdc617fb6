"""What a prediction gives, for every kind of callable."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cogsmith.errors import InvalidInput, PredictionError
from cogsmith.prediction import Event, Finished, Log, Output, Started, Status
from cogsmith.runtime import Worker
from cogsmith.testing import PREDICTORS
from tests.runtime.harness import events, finished, folded, spec, texts, values, with_worker


@pytest.mark.parametrize("name", ["echo", "async_echo"])
def test_one_value(name: str) -> None:
    happened = with_worker(name, lambda w: events(w, text="hällo \u2028 \U0001f600"))
    assert [type(event) for event in happened] == [Started, Output, Finished]
    assert happened[1].value == "hällo \u2028 \U0001f600"
    end = happened[-1]
    assert (end.status, end.error) == (Status.SUCCEEDED, "")
    assert end.at >= happened[0].at
    assert 0 <= end.predict_time < 5


@pytest.mark.parametrize("name", ["stream", "async_stream"])
def test_a_stream_comes_in_pieces(name: str) -> None:
    happened = with_worker(name, lambda w: events(w, count=2000))
    outputs = [event for event in happened if isinstance(event, Output)]
    assert [output.value for output in outputs] == [f"{n} " for n in range(2000)]
    assert [output.index for output in outputs] == list(range(2000))


@pytest.mark.parametrize("name", ["stream", "async_stream"])
def test_a_piece_arrives_before_the_next_is_made(name: str) -> None:
    async def use(worker: Worker) -> bool:
        run = worker.predict("p", {"count": 2, "seconds": 0.2})
        async for event in run:
            if isinstance(event, Output):
                break
        second = asyncio.ensure_future(anext(run))
        await asyncio.sleep(0.02)
        waited = not second.done()
        assert isinstance(await second, Output)
        await run.aclose()
        return waited

    assert with_worker(name, use)


def test_an_iterator_that_was_not_declared_is_one_list() -> None:
    for name in ("stream", "async_stream"):
        happened = with_worker(spec(name, iterator=False), lambda w: events(w, count=3))
        assert values(happened) == [["0 ", "1 ", "2 "]]


def test_64_async_streams_at_once() -> None:
    async def use(worker: Worker) -> list[list[Event]]:
        assert worker.free == 64
        runs = [events(worker, str(n), count=20, seconds=0.005) for n in range(64)]
        return list(await asyncio.gather(*runs))

    for happened in with_worker("async_stream", use):
        assert folded(happened, iterator=True).output == [f"{n} " for n in range(20)]


def test_a_sync_predictor_takes_turns() -> None:
    async def use(worker: Worker) -> list[str]:
        order: list[str] = []

        async def one(name: str) -> None:
            async for event in worker.predict(name, {"count": 3}):
                order.append(f"{name} {type(event).__name__}")

        assert worker.free == 1
        await asyncio.gather(*(one(name) for name in "abc"))
        return order

    order = with_worker(spec("stream", concurrency=8), use)
    for name in "abc":
        mine = [n for n, said in enumerate(order) if said.startswith(name)]
        assert len(mine) == 5
    assert [said for said in order if said.endswith("Finished")] == [
        "a Finished", "b Finished", "c Finished",
    ]  # fmt: skip


def test_concurrency_is_kept() -> None:
    async def use(worker: Worker) -> int:
        starts = 0
        most = 0

        async def one(name: str) -> None:
            nonlocal starts, most
            async for event in worker.predict(name, {"count": 5, "seconds": 0.01}):
                starts += isinstance(event, Started)
                most = max(most, starts)
                starts -= isinstance(event, Finished)

        await asyncio.gather(*(one(str(n)) for n in range(12)))
        return most

    assert with_worker(spec("async_stream", concurrency=3), use) == 3


@pytest.mark.parametrize(
    ("reference", "method", "inputs", "output"),
    [
        ("runner.py:Runner", "run", {"text": "abc"}, "cba"),
        ("function.py:predict", "predict", {"text": "abc"}, "Abc"),
        ("function.py:train", "train", {"steps": 2}, {"weights": "trained.safetensors"}),
    ],
)
def test_runners_functions_and_trainers(
    reference: str, method: str, inputs: dict[str, object], output: object
) -> None:
    wanted = spec("echo", reference=reference, method=method)
    assert with_worker(wanted, lambda w: finished(w, **inputs)).output == output


def test_the_process_that_the_author_sees() -> None:
    wanted = spec("bare", environment={"GREETING": "hello"})
    assert with_worker(wanted, finished).output == {
        "asyncio": False,  # a sync predictor does not pay for it
        "cwd": str(PREDICTORS),
        "path": str(PREDICTORS),
        "argv": [],
        "stdin": "/dev/null",
        "unbuffered": "1",
        "greeting": "hello",
    }


def test_the_authors_code_may_import_the_engine_room_and_no_other_of_ours() -> None:
    async def use(worker: Worker) -> list[object]:
        rooms = ["cogsmith.engine", "cogsmith.errors", "cogsmith.cli", "cogsmith.config"]
        return [await finished(worker, module=room) for room in rooms]

    engine, errors, cli, config = with_worker("engine", use)
    assert (engine.output, errors.output) == ("cogsmith.engine", "cogsmith.errors")
    said = "ModuleNotFoundError: cogsmith.{} is not available beside a predictor"
    assert (cli.error, config.error) == (said.format("cli"), said.format("config"))


@pytest.mark.parametrize("name", ["echo", "async_echo"])
def test_ten_megabytes_there_and_back(name: str) -> None:
    text = "0123456789 ä" * 800_000
    happened = with_worker(name, lambda w: events(w, text=text))
    assert values(happened) == [text]


def test_inputs_may_be_json_already() -> None:
    async def use(worker: Worker) -> list[Event]:
        return [event async for event in worker.predict("p", b'{"text": "raw"}')]

    assert values(with_worker("echo", use)) == ["raw"]


def test_hostile_ids_never_leave_the_parent() -> None:
    async def use(worker: Worker) -> list[object]:
        ids = ["../../etc/passwd", "", "a" * 100_000, "\x00\n", "/root"]
        return [(await finished(worker, one, text=one)).output == one for one in ids]

    assert with_worker("echo", use) == [True] * 5


def test_an_id_that_runs_is_refused() -> None:
    async def use(worker: Worker) -> None:
        run = worker.predict("p", {"count": 2, "seconds": 0.05})
        await anext(run)
        with pytest.raises(PredictionError, match="already running"):
            await anext(worker.predict("p", {}))
        await run.aclose()

    with_worker("stream", use)


def test_inputs_that_are_not_json_are_refused() -> None:
    async def use(worker: Worker) -> None:
        with pytest.raises(InvalidInput, match="not JSON"):
            await anext(worker.predict("p", {"text": object()}))
        assert (await finished(worker, text="still fine")).output == "still fine"

    with_worker("echo", use)


def test_arguments_that_do_not_fit_fail() -> None:
    prediction = with_worker("echo", lambda w: finished(w, nonsense=1))
    assert prediction.error.startswith("TypeError: ")
    assert "nonsense" in prediction.error


def test_raising_fails_with_the_authors_own_traceback() -> None:
    happened = with_worker("fail", lambda w: events(w, words="böom", after=2))
    assert values(happened) == ["0", "1"]
    assert happened[-1].status is Status.FAILED
    assert happened[-1].error == "Trouble: böom"
    log = [event for event in happened if isinstance(event, Log)]
    assert log[0].text == "about to fail\n"
    assert "in deep" in log[1].text
    assert "cogsmith/runtime" not in log[1].text
    assert log[1].text.endswith("fail.Trouble: böom\n")


def test_sys_exit_fails_and_the_worker_lives() -> None:
    async def use(worker: Worker) -> list[str]:
        return [(await finished(worker, code=code)).error for code in (3, 0)]

    assert with_worker("exit", use) == ["SystemExit: 3", "SystemExit: 0"]


def test_context_reaches_the_scope() -> None:
    async def use(worker: Worker) -> list[object]:
        first = worker.predict("p", {"context": True}, context={"b": "2", "a": "1"})
        with_context = [event async for event in first]
        return [values(with_context), (await finished(worker, context=True)).output]

    assert with_worker("metrics", use) == [["a=1,b=2"], ""]


def test_timings_tell_where_the_start_went() -> None:
    async def use(worker: Worker) -> dict[str, float]:
        return worker.timings

    timings = with_worker("echo", use)
    assert list(timings) == ["interpreter", "import", "setup"]
    assert all(0 <= seconds < 30 for seconds in timings.values())


def test_setup_gets_the_weights_as_it_declares_them(tmp_path: Path) -> None:
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"w")
    logs: list[Log] = []
    wanted = spec("set_up", weights=str(weights))
    assert with_worker(wanted, finished, logs).output == f"Path {weights}"
    assert texts(logs) == "ready in a moment\n"
    assert with_worker("set_up", finished).output == "NoneType None"


def test_async_setup_shares_its_loop_with_the_predictions() -> None:
    async def use(worker: Worker) -> list[object]:
        runs = [finished(worker, str(n), text=f"q{n}") for n in range(5)]
        return [prediction.output for prediction in await asyncio.gather(*runs)]

    assert with_worker("async_set_up", use) == [f"Q{n}" for n in range(5)]


SPAWNS = """
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from cog import BasePredictor, Path

def double(number: int) -> int:
    return 2 * number

class Predictor(BasePredictor):
    def predict(self, number: int) -> int:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return pool.submit(double, number).result()
"""


def test_the_author_may_spawn_processes_that_import_cog(tmp_path: Path) -> None:
    (tmp_path / "spawns.py").write_text(SPAWNS)
    wanted = spec("echo", project=tmp_path, reference="spawns.py:Predictor")
    prediction = with_worker(wanted, lambda w: finished(w, number=21))
    assert (prediction.output, prediction.error) == (42, "")
