"""Models that do not get ready, and models that say they are not well."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from cogsmith.errors import SetupFailed
from cogsmith.prediction import Log
from cogsmith.runtime import Worker, WorkerSpec
from tests.runtime.harness import finished, spec, texts, with_worker


def failure(wanted: WorkerSpec, logs: list[Log] | None = None) -> SetupFailed:
    with pytest.raises(SetupFailed) as raised:
        with_worker(wanted, finished, logs)
    return raised.value


def never(how: str, **changes: object) -> WorkerSpec:
    return spec("never_set_up", environment={"HOW": how}, **changes)


def test_setup_raises() -> None:
    logs: list[Log] = []
    failed = failure(never("raise"), logs)
    assert failed.where.startswith("never_set_up.py:")
    assert failed.message == "the model cannot be set up: RuntimeError: no weights"
    assert failed.log.startswith("loading weights\nTraceback")
    assert failed.log.endswith("RuntimeError: no weights\n")
    assert "runtime/worker" not in failed.log
    assert texts(logs) == failed.log


def test_setup_exits() -> None:
    assert "SystemExit: 4" in failure(never("exit")).message


def test_setup_dies() -> None:
    failed = failure(never("die"))
    assert failed.message == "the process ended with exit code 5 before the model was ready"
    assert failed.log == "loading weights\n"


def test_setup_takes_too_long() -> None:
    failed = failure(never("hang", setup_timeout=1.0))
    assert failed.message == "setup() has not ended after 1 seconds"
    assert "--setup-timeout" in failed.hint


def test_waiting_for_setup_can_be_canceled() -> None:
    async def go() -> None:
        task = asyncio.create_task(Worker.start(never("hang")))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go())


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nowhere_at_all\n", "model.py:1: .*ModuleNotFoundError: No module named 'nowhere_"),
        ("x = 1\n  y = 2\n", "model.py:2: .*IndentationError: unexpected indent"),
        ("class Other: ...\n", "model.py has no Predictor"),
        ("class Predictor: ...\n", "has no method predict"),
        ("class Predictor:\n  def __init__(self): 1/0\n", "model.py:2: .*ZeroDivisionError"),
    ],
)
def test_modules_that_cannot_be_loaded(source: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(source)
    failed = failure(spec("echo", project=tmp_path, reference="model.py:Predictor"))
    assert re.search(said, str(failed)), str(failed)


def broken(project: Path, source: str) -> SetupFailed:
    """What is told of a module with this source."""
    (project / "model.py").write_text(source)
    return failure(spec("echo", project=project, reference="model.py:Predictor"))


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("import nowhere_at_all.deep\n", "add nowhere_at_all to the requirements file that "),
        ("import json.nowhere\n", "json is there, without json.nowhere: "),
        ("import helpers\n", "there is lib/helpers.py in the project: write it as lib.helpers, or"),
        ("from deep import x\n", "there is lib/deep in the project: write it as lib.deep, or"),
        ("1 / 0\n", ""),
    ],
)
def test_a_missing_module_gets_advice(source: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "lib" / "deep").mkdir(parents=True)
    (tmp_path / "lib" / "helpers.py").touch()
    (tmp_path / "lib" / "deep" / "__init__.py").touch()
    failed = broken(tmp_path, source)
    assert failed.where == "model.py:1"
    assert failed.hint.startswith(hint)
    assert bool(failed.hint) == bool(hint)


ASYNC_SETUP = """
import asyncio
class Predictor:
    async def setup(self):
        await self.load()
    async def load(self):
        await asyncio.sleep(0)
        raise RuntimeError("no weights")
    {define} predict(self) -> str:
        return ""
"""


@pytest.mark.parametrize("define", ["def", "async def"])
def test_an_async_setup_that_raises_is_told_by_the_authors_lines(
    define: str, tmp_path: Path
) -> None:
    failed = broken(tmp_path, ASYNC_SETUP.format(define=define))
    assert failed.where == "model.py:8"
    assert failed.message == "the model cannot be set up: RuntimeError: no weights"
    assert "asyncio/" not in failed.log
    assert "runtime/worker" not in failed.log
    assert failed.log.count("model.py") == 2


def test_no_such_file(tmp_path: Path) -> None:
    failed = failure(spec("echo", project=tmp_path, reference="model.py:Predictor"))
    assert "FileNotFoundError" in failed.message


def test_no_such_interpreter_or_project(tmp_path: Path) -> None:
    for wanted in (spec("echo", python=tmp_path / "python"), spec("echo", project=tmp_path / "no")):
        assert "cannot be started" in failure(wanted).message


@pytest.mark.parametrize("name", ["healthy", "async_healthy", "echo", "async_echo"])
def test_healthy(name: str) -> None:
    assert with_worker(name, lambda w: w.healthcheck()) == ""


@pytest.mark.parametrize(
    ("name", "how", "said"),
    [
        ("healthy", "false", "user-defined healthcheck returned False"),
        ("async_healthy", "false", "user-defined healthcheck returned False"),
        ("healthy", "raise", "RuntimeError: the GPU fell off"),
        ("healthy", "exit", "SystemExit: 1"),
        ("async_healthy", "exit", "SystemExit: 1"),
    ],
)
def test_not_well(name: str, how: str, said: str) -> None:
    async def use(worker: Worker) -> str:
        await finished(worker, how=how)
        return await worker.healthcheck()

    assert with_worker(name, use) == said


def test_a_check_that_hangs_times_out_and_stops_nobody() -> None:
    async def use(worker: Worker) -> str:
        await finished(worker, how="hang")
        check = asyncio.create_task(worker.healthcheck())
        await asyncio.sleep(0.1)
        assert (await finished(worker, how="ok")).output == "ok"
        return await check

    said = with_worker("healthy", use)
    assert said == "user-defined healthcheck timed out after 5.0 seconds"


def test_a_busy_sync_predictor_is_healthy() -> None:
    async def use(worker: Worker) -> str:
        run = worker.predict("p", {"seconds": 600})
        await anext(run)
        answer = await worker.healthcheck()
        await run.aclose()
        return answer

    assert with_worker("sleep", use) == ""


BOTH = """
import asyncio, time
class Predictor:
    def healthcheck(self):
        time.sleep(0.3)
        return True
    async def predict(self):
        await asyncio.sleep(0)
        return "quick"
"""


def test_a_slow_check_does_not_hold_the_event_loop(tmp_path: Path) -> None:
    (tmp_path / "both.py").write_text(BOTH)

    async def use(worker: Worker) -> bool:
        check = asyncio.create_task(worker.healthcheck())
        await asyncio.sleep(0.05)
        assert (await finished(worker)).output == "quick"
        early = not check.done()
        assert await check == ""
        return early

    assert with_worker(spec("echo", project=tmp_path, reference="both.py:Predictor"), use)
