"""The child's main program: load, set up, serve."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import inspect
import json
import socket
import sys
from time import monotonic
from typing import Any

from cogsmith.runtime.worker import standin
from cogsmith.runtime.worker.cancel import Guard
from cogsmith.runtime.worker.channel import Channel
from cogsmith.runtime.worker.failures import error_text, place, traceback_text
from cogsmith.runtime.worker.frames import VERSION, Kind
from cogsmith.runtime.worker.logs import Logs
from cogsmith.runtime.worker.missing import advice
from cogsmith.runtime.worker.model import Model, load
from cogsmith.runtime.worker.sync_loop import SyncLoop


def main(descriptor: int) -> int:
    """Serve the parent at the other end of a descriptor; answers the exit code."""
    times = [monotonic()]
    channel = Channel(socket.socket(fileno=descriptor))
    channel.end_with_parent()
    standin.install()
    _prepare()
    gc.enable()
    _, version, payload = channel.receive()
    if version != VERSION:
        return _broken(channel, f"the parent speaks version {version}, the worker {VERSION}")
    wanted = json.loads(payload)
    guard = Guard(channel)
    logs = Logs(channel, guard)
    logs.install()
    faulthandler.enable(2, all_threads=False)  # a segfault leaves its traceback in the logs
    try:
        model = load(wanted["reference"], wanted["method"])
        times.append(monotonic())
        serve = _set_up(model, wanted, (channel, guard, logs))
    except BaseException as error:
        return _failed(channel, logs, error)
    times.append(monotonic())
    guard.install()
    logs.flush()
    ready = {
        "times": times, "async": model.is_async,
        "batch": model.batching.size if model.batching else 1,
        "python": sys.version.split()[0],
        "cog": getattr(sys.modules.get("cog"), "__version__", ""),
    }  # fmt: skip
    channel.send(Kind.READY, 0, json.dumps(ready).encode())
    serve.serve(model, wanted["decoders"])
    logs.flush()
    return 0


def _prepare() -> None:
    """Import what nearly every predictor begins with, while the parent gets ready to speak."""
    with contextlib.suppress(ImportError):
        importlib.import_module("cog")


def _set_up(model: Model, wanted: dict[str, Any], parts: tuple[Channel, Guard, Logs]) -> Any:
    """Run setup(); answers the loop that serves the model."""
    channel, guard, logs = parts
    iterator = bool(wanted["iterator"])
    if model.is_async:
        loop = _async_loop()(channel, logs, iterator=iterator)
        pending = model.setup(wanted["weights"])
        if inspect.isawaitable(pending):
            loop.finish(pending)
        return loop
    pending = model.setup(wanted["weights"])
    if inspect.isawaitable(pending):
        _async_loop()(channel, logs, iterator=iterator).finish(pending)
    return SyncLoop(channel, guard, logs, iterator=iterator)


def _async_loop() -> Any:
    """Looked up when it is needed: a sync predictor never imports asyncio."""
    return importlib.import_module("cogsmith.runtime.worker.async_loop").AsyncLoop


def _failed(channel: Channel, logs: Logs, error: BaseException) -> int:
    logs.flush()
    said = {
        "error": error_text(error), "traceback": traceback_text(error), "where": place(error),
        "hint": advice(error),
    }  # fmt: skip
    channel.send(Kind.BROKEN, 0, json.dumps(said).encode())
    return 1


def _broken(channel: Channel, words: str) -> int:
    said = {"error": words, "traceback": "", "where": "", "hint": ""}
    channel.send(Kind.BROKEN, 0, json.dumps(said).encode())
    return 1
