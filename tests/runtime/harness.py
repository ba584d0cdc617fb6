"""Workers for tests: real processes of this interpreter, on the predictors that we ship."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

from cogsmith.prediction import Event, Finished, Log, Metric, Output, Prediction, fold
from cogsmith.runtime import Worker, WorkerSpec
from cogsmith.testing import PREDICTORS

# Another interpreter with `cog` may be named, to try the child in it.
PYTHON = Path(os.environ.get("WORKER_PYTHON", sys.executable))
PATIENCE = 60.0  # seconds; only a test that hangs ever gets there


def spec(name: str, **changes: Any) -> WorkerSpec:
    """A worker for ``cogsmith/testing/predictors/NAME.py``."""
    fields = {
        "python": PYTHON,
        "project": PREDICTORS,
        "reference": f"{name}.py:Predictor",
        "iterator": any(word in name for word in ("stream", "fail", "crash", "cleanup", "files")),
        "concurrency": 64,
        "setup_timeout": PATIENCE,
    }
    return WorkerSpec(**{**fields, **changes})


def with_worker(
    wanted: WorkerSpec | str, use: Callable[[Worker], Awaitable[Any]], logs: list[Log] | None = None
) -> Any:
    """Start a worker, use it, close it; answers what the use answers."""
    wanted = spec(wanted) if isinstance(wanted, str) else wanted

    heard = [] if logs is None else logs

    async def go() -> Any:
        async with await Worker.start(wanted, on_log=heard.append) as worker:
            return await asyncio.wait_for(use(worker), PATIENCE)

    return asyncio.run(go())


async def events(worker: Worker, name: str = "p", /, **inputs: Any) -> list[Event]:
    """Run one prediction to its end."""
    return [event async for event in worker.predict(name, inputs)]


async def finished(worker: Worker, name: str = "p", /, **inputs: Any) -> Prediction:
    """Run one prediction to its end and fold it."""
    return folded(await events(worker, name, **inputs), iterator=worker.spec.iterator)


def folded(happened: list[Event], *, iterator: bool = False) -> Prediction:
    return fold(Prediction(id="p", iterator=iterator), happened)


async def first(worker: Worker, name: str, wanted: type, /, **inputs: Any) -> asyncio.Task[Any]:
    """A prediction that runs on in the background, once its first event of a kind was seen."""
    seen = asyncio.Event()
    happened: list[Event] = []

    async def watch() -> list[Event]:
        async with aclosing(worker.predict(name, inputs)) as run:
            async for event in run:
                happened.append(event)
                if isinstance(event, wanted | Finished):
                    seen.set()
        return happened

    task = asyncio.create_task(watch())
    await seen.wait()
    return task


def texts(happened: list[Event]) -> str:
    return "".join(event.text for event in happened if isinstance(event, Log))


def values(happened: list[Event]) -> list[Any]:
    return [event.value for event in happened if isinstance(event, Output)]


def metrics(happened: list[Event]) -> list[Metric]:
    return [event for event in happened if isinstance(event, Metric)]
