"""Event loops of both kinds: Python's own, and the one that the server runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """Runs a coroutine in an event loop of its own."""

    def go(work: Any) -> Any:
        uvloop = pytest.importorskip("uvloop") if request.param == "uvloop" else asyncio
        loop = uvloop.new_event_loop()
        try:
            return loop.run_until_complete(asyncio.wait_for(work, 60.0))
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    return go
