"""How the server stands, in Cog's words and in Kubernetes'."""

from __future__ import annotations

import asyncio

from cogsmith import __version__
from cogsmith.runtime.server import answers
from cogsmith.runtime.server.http import TEXT, Exchange
from cogsmith.runtime.server.pool import State
from cogsmith.runtime.server.service import Service
from cogsmith.runtime.worker.standin import VERSION as COGLET


class Health:
    """Answers probes. The author's own check is run when it is asked for, once at a time."""

    def __init__(self, service: Service, *, own_check: bool) -> None:
        self._service = service
        self._own_check = own_check
        self._checking: asyncio.Task[str] | None = None

    def check(self, exchange: Exchange) -> None:
        """``GET /health-check``: always 200; the status is in the body."""
        pool, service = self._service.pool, self._service
        if not self._own_check or pool.state is not State.READY or pool.busy >= pool.slots:
            busy = pool.state is State.READY and pool.busy >= pool.slots
            exchange.reply(200, self._told("BUSY" if busy else pool.state.value))
            return
        if self._checking is None or self._checking.done():
            self._checking = asyncio.get_running_loop().create_task(service.pool.healthcheck())
        self._checking.add_done_callback(lambda task: self._checked(exchange, task))

    def live(self, exchange: Exchange) -> None:
        """``GET /livez``: 503 when only a new start helps."""
        state = self._service.pool.state
        exchange.reply(503 if state.dead else 200, state.value.encode(), TEXT)

    def ready(self, exchange: Exchange) -> None:
        """``GET /readyz``: 200 when predictions are taken."""
        state = self._service.pool.state.value
        state = "CLOSING" if self._service.closing else state
        exchange.reply(200 if state == "READY" else 503, state.encode(), TEXT)

    def _checked(self, exchange: Exchange, task: asyncio.Task[str]) -> None:
        problem = "the server is closing" if task.cancelled() else task.result()
        exchange.reply(200, self._told("UNHEALTHY" if problem else "READY", problem))

    def _told(self, status: str, problem: str = "") -> bytes:
        pool = self._service.pool
        words = {State.STARTING: "starting", State.SETUP_FAILED: "failed"}
        setup = {
            "started_at": answers.moment(pool.started_at),
            "completed_at": answers.moment(pool.completed_at),
            "status": words.get(pool.state, "succeeded"),
            "logs": pool.setup_logs,
        }
        told = {
            "status": status,
            "setup": {name: value for name, value in setup.items() if value is not None},
            "version": {
                "cog": pool.cog, "coglet": COGLET, "cogsmith": __version__, "python": pool.python,
            },
        }  # fmt: skip
        if problem:
            told["user_healthcheck_error"] = problem
        return answers.text(told)
