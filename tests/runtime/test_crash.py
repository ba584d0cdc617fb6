"""Processes that die, on either side."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from cogsmith.errors import WorkerCrashed
from cogsmith.prediction import Event, Log, Output, Started, Status
from cogsmith.runtime import Worker
from tests.runtime.harness import events, finished, first, spec, texts, values, with_worker


@pytest.mark.parametrize("how", ["SEGV", "KILL"])
def test_a_crash_fails_the_prediction_and_says_how(how: str) -> None:
    async def use(worker: Worker) -> list[Event]:
        happened = await events(worker, how=how, after=3)
        assert not worker.alive
        assert await worker.ended() == f"was killed by signal SIG{how}"
        assert await worker.healthcheck() == f"the worker was killed by signal SIG{how}"
        with pytest.raises(WorkerCrashed, match="was killed by signal"):
            await events(worker)
        return happened

    happened = with_worker("crash", use)
    assert values(happened) == ["0", "1", "2"]
    assert "last words\n" in texts(happened)
    assert ("Segmentation fault" in texts(happened)) == (how == "SEGV")
    end = happened[-1]
    assert end.status is Status.FAILED
    assert end.error == f"Worker crashed: the process was killed by signal SIG{how}"


def test_leaving_at_once_fails_everybody() -> None:
    async def use(worker: Worker) -> list[str]:
        runs = [finished(worker, str(n), code=7, at_once=True) for n in range(3)]
        return [prediction.error for prediction in await asyncio.gather(*runs)]

    assert with_worker("exit", use) == ["Worker crashed: the process ended with exit code 7"] * 3


def test_killing_the_process_from_outside_fails_all_streams() -> None:
    async def use(worker: Worker) -> None:
        tasks = [await first(worker, str(n), Output, count=10**6) for n in range(5)]
        os.kill(worker._child._process.pid, signal.SIGKILL)
        for task in tasks:
            assert (await task)[-1].error.endswith("was killed by signal SIGKILL")

    with_worker("async_stream", use)


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("name", ["echo", "async_echo"])
def test_no_descriptor_and_no_zombie_is_left(name: str) -> None:
    async def use(worker: Worker) -> int:
        await finished(worker, text="a")
        return worker._child._process.pid

    with_worker(name, use)
    before = _descriptors()
    pids = [with_worker(name, use) for _ in range(3)]
    assert _descriptors() == before
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize("name", ["sleep", "async_sleep"])
def test_close_cancels_what_runs(name: str) -> None:
    async def go() -> list[Event]:
        worker = await Worker.start(spec(name))
        task = await first(worker, "p", Started)
        await asyncio.sleep(0.05)
        await worker.close()
        assert await worker.ended() == "ended with exit code 0"
        await worker.close()
        return await task

    assert asyncio.run(go())[-1].status is Status.CANCELED


STUBBORN = """
    import signal, subprocess, time

    class Predictor:
        def setup(self):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            self.orphan = subprocess.Popen(["sleep", "600"])

        def predict(self) -> None:
            while True:
                try:
                    print(self.orphan.pid)
                    time.sleep(600)
                except BaseException:
                    pass
"""


def test_close_ends_what_does_not_listen_and_what_it_started(tmp_path: Path) -> None:
    (tmp_path / "stubborn.py").write_text(textwrap.dedent(STUBBORN))

    async def go() -> list[Event]:
        wanted = spec("echo", project=tmp_path, reference="stubborn.py:Predictor")
        worker = await Worker.start(wanted)
        task = await first(worker, "p", Log)
        await worker.close(grace=0.1)
        assert await worker.ended() == "was killed by signal SIGKILL"
        return await task

    happened = asyncio.run(go())
    orphan = int(texts(happened).split()[0])
    assert happened[-1].status is Status.FAILED
    _gone(orphan)


def _gone(pid: int) -> None:
    """Wait until a process is no more than a zombie of somebody else's."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} still runs")


PARENT = """
    import asyncio, sys
    from pathlib import Path
    from cogsmith.runtime import Worker, WorkerSpec
    from cogsmith.testing import PREDICTORS

    async def main():
        spec = WorkerSpec(python=Path(sys.executable), project=PREDICTORS,
                          reference=sys.argv[1] + ".py:Predictor")
        worker = await Worker.start(spec)
        print(worker._child._process.pid, flush=True)
        async for event in worker.predict("p", {"seconds": 600}):
            print("running", flush=True)

    asyncio.run(main())
"""


@pytest.mark.parametrize("name", ["sleep", "async_sleep", "idle_in_c"])
def test_the_child_ends_when_its_parent_is_killed(name: str, tmp_path: Path) -> None:
    script = textwrap.dedent(PARENT)
    if name == "idle_in_c":  # the main thread never comes back to Python
        (tmp_path / "idle_in_c.py").write_text(
            "import ctypes\nclass Predictor:\n"
            "    def predict(self, seconds: float):\n"
            "        while True: ctypes.CDLL(None).sleep(600)\n"
        )
        script = script.replace("project=PREDICTORS", f"project=Path({str(tmp_path)!r})")
    with subprocess.Popen(
        [sys.executable, "-c", script, name], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert parent.stdout.readline() == "running\n"
        parent.kill()
    _gone(child)
