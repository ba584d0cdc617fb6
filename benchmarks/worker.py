"""What the worker costs: CPU per echo and per token, beside the floor, in one run.

    python benchmarks/worker.py [--rounds 5] [--save benchmarks/results/worker.json]

The floor sends the same bytes over a bare socketpair to a process that answers at once, with
blocking calls and no event loop. Rounds are interleaved; figures are medians, with the least
and the most. CPU is user and system time of both processes together, which other work on the
machine hardly changes; wall time is told beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import socket
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from cogsmith.prediction import Output
from cogsmith.runtime import Worker, WorkerSpec
from cogsmith.runtime.worker.frames import Kind, frame
from cogsmith.testing import PREDICTORS

ECHOES, TOKENS, STREAMS = 2000, 20_000, 8
TICKS = os.sysconf("SC_CLK_TCK")


def spec(name: str, *, iterator: bool) -> WorkerSpec:
    return WorkerSpec(
        python=Path(sys.executable), project=PREDICTORS, reference=f"{name}.py:Predictor",
        iterator=iterator, concurrency=64,
    )  # fmt: skip


def cpu_of(pid: int) -> float:
    """Seconds of CPU that another process has used, in the clock's nanoseconds."""
    return float(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Cost:
    """CPU and wall time for one unit, in microseconds, and the share of each side."""

    def __init__(self, pid: int, units: int) -> None:
        self.pid, self.units = pid, units

    def __enter__(self) -> Cost:  # noqa: PYI034 - Self is newer than 3.10
        self.begun = own_cpu(), cpu_of(self.pid), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        parent, child, wall = self.begun
        scale = 1e6 / self.units
        self.figures = {
            "parent": (own_cpu() - parent) * scale,
            "child": (cpu_of(self.pid) - child) * scale,
            "wall": (time.perf_counter() - wall) * scale,
        }
        self.figures["cpu"] = self.figures["parent"] + self.figures["child"]


async def echoes(worker: Worker, at_once: int) -> dict[str, float]:
    async def some(lane: int, count: int) -> None:
        for number in range(count):
            async for _ in worker.predict(f"{lane}.{number}", b'{"text":"hello"}'):
                pass

    await some(99, 200)
    with Cost(worker._child._process.pid, ECHOES) as cost:
        await asyncio.gather(*(some(lane, ECHOES // at_once) for lane in range(at_once)))
    return cost.figures


async def tokens(worker: Worker, at_once: int) -> dict[str, float]:
    async def one(lane: int) -> None:
        request = b'{"count":%d}' % (TOKENS // at_once)
        got = [e async for e in worker.predict(str(lane), request) if isinstance(e, Output)]
        assert len(got) == TOKENS // at_once

    with Cost(worker._child._process.pid, TOKENS) as cost:
        await asyncio.gather(*(one(lane) for lane in range(at_once)))
    return cost.figures


def floor(count: int, answers: int) -> dict[str, float]:
    """The same bytes, with nothing around them."""
    request = frame(Kind.PREDICT, 1, b'{"text":"hello"}')
    token = frame(Kind.OUTPUT, 1, b'"1234 "')
    end = frame(Kind.FINISHED, 1, b'{"status": "succeeded", "error": "", "predict_time": 6.1e-05}')
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        while theirs.recv(65536):
            for _ in range(answers - 1):
                theirs.sendall(token)
            theirs.sendall(token + end)
        os._exit(0)
    theirs.close()
    expected = answers * len(token) + len(end)
    with Cost(pid, count * answers) as cost:
        for _ in range(count):
            ours.sendall(request)
            got = 0
            while got < expected:
                got += len(ours.recv(65536))
    ours.close()
    os.waitpid(pid, 0)
    return cost.figures


async def on(name: str, use: Callable[[Worker], Awaitable[dict[str, float]]]) -> dict[str, float]:
    async with await Worker.start(spec(name, iterator="stream" in name)) as worker:
        return await use(worker)


CASES: dict[str, Callable[[], dict[str, float]]] = {
    "floor, echo": lambda: floor(ECHOES, 1),
    "floor, token": lambda: floor(1, TOKENS),
    "sync echo, 1 at a time": lambda: asyncio.run(on("echo", lambda w: echoes(w, 1))),
    "async echo, 1 at a time": lambda: asyncio.run(on("async_echo", lambda w: echoes(w, 1))),
    "async echo, 8 at once": lambda: asyncio.run(on("async_echo", lambda w: echoes(w, 8))),
    "sync token, 1 stream": lambda: asyncio.run(on("stream", lambda w: tokens(w, 1))),
    "async token, 1 stream": lambda: asyncio.run(on("async_stream", lambda w: tokens(w, 1))),
    "async token, 8 streams": lambda: asyncio.run(on("async_stream", lambda w: tokens(w, STREAMS))),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    samples: dict[str, list[dict[str, float]]] = {name: [] for name in CASES}
    for _ in range(options.rounds):
        for name, case in CASES.items():
            samples[name].append(case())
    result = {name: summary(found) for name, found in samples.items()}
    for name, figures in result.items():
        cpu = figures["cpu"]
        print(
            f"{name:26} {cpu['median']:7.2f} µs CPU ({cpu['least']:.2f}-{cpu['most']:.2f}), "
            f"parent {figures['parent']['median']:.2f}, child {figures['child']['median']:.2f}, "
            f"wall {figures['wall']['median']:.2f}"
        )
    if options.save:
        about = {"python": platform.python_version(), "machine": platform.machine(),
                 "cores": os.cpu_count(), "rounds": options.rounds, "unit": "µs"}  # fmt: skip
        text = json.dumps({"about": about, "results": result}, indent=1, ensure_ascii=False)
        options.save.parent.mkdir(parents=True, exist_ok=True)
        options.save.write_text(text + "\n", encoding="utf-8")


def summary(found: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    return {
        key: {
            "median": round(statistics.median(values), 3),
            "least": round(min(values), 3),
            "most": round(max(values), 3),
        }
        for key in found[0]
        for values in [[one[key] for one in found]]
    }


if __name__ == "__main__":
    main()
