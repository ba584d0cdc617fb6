"""Running the author's healthcheck()."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

from cogsmith.runtime.worker.channel import Channel
from cogsmith.runtime.worker.failures import error_text
from cogsmith.runtime.worker.frames import Kind

SAID_NO = "user-defined healthcheck returned False"


def checked(check: Callable[[], Any] | None, channel: Channel, number: int) -> None:
    """Run a check, if there is one, and send what it found."""
    channel.send(Kind.CHECKED, number, json.dumps(_found(check)).encode())


async def checked_async(check: Callable[[], Any] | None, channel: Channel, number: int) -> None:
    """The same beside an event loop: a coroutine runs in it, a function in a thread."""
    from asyncio import to_thread  # a sync predictor never imports asyncio

    try:
        if inspect.iscoroutinefunction(check):
            result = await check()
        else:
            result = check is None or await to_thread(check)
        found = "" if result else SAID_NO
    except BaseException as error:
        found = error_text(error)
    channel.send(Kind.CHECKED, number, json.dumps(found).encode())


def _found(check: Callable[[], Any] | None) -> str:
    try:
        result = True if check is None else check()
        if inspect.iscoroutine(result):
            result = _run(result)
    except BaseException as error:
        return error_text(error)
    return "" if result else SAID_NO


def _run(coroutine: Any) -> Any:
    import asyncio  # a sync predictor pays for it only when its healthcheck is a coroutine

    return asyncio.run(coroutine)
