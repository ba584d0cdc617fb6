"""Waiting for setup(): it ends, fails, dies or takes too long."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from cogsmith.errors import SetupFailed
from cogsmith.prediction import Log
from cogsmith.runtime.worker.frames import Kind

KEPT = 1000  # pieces of the setup log that an error carries


class Startup:
    """What is known of a worker until it is ready."""

    def __init__(self, on_log: Callable[[Log], None]) -> None:
        self._answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._logs: deque[str] = deque(maxlen=KEPT)
        self._on_log = on_log

    def log(self, log: Log) -> None:
        """Keep what setup() prints, for the error that may follow."""
        if not self._answer.done():
            self._logs.append(log.text)

    def told(self, kind: int, said: dict[str, Any]) -> None:
        """The child says READY or BROKEN."""
        if self._answer.done():
            return
        if kind == Kind.READY:
            self._answer.set_result(said)
            return
        if said["traceback"]:
            self._logs.append(said["traceback"])
            self._on_log(Log(source="stderr", text=said["traceback"]))
        message = f"the model cannot be set up: {said['error']}"
        self._fail(message, where=said["where"], hint=said["hint"])

    def died(self, how: str) -> None:
        """The process ended."""
        if not self._answer.done():
            memory = "SIGKILL" in how
            self._fail(
                f"the process {how} before the model was ready",
                hint="was there enough memory?" if memory else "",
            )

    async def ended(self, timeout: float | None) -> dict[str, Any]:
        """What READY says. Raises SetupFailed."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._answer), timeout)
        except asyncio.CancelledError:
            self._answer.cancel()
            raise
        except asyncio.TimeoutError:
            self._fail(
                f"setup() has not ended after {timeout:g} seconds",
                hint="give it more time with --setup-timeout SECONDS",
            )
            return self._answer.result()

    def _fail(self, message: str, *, where: str = "", hint: str = "") -> None:
        failed = SetupFailed(message, where=where, hint=hint, log="".join(self._logs))
        self._answer.set_exception(failed)
