"""Routes beside predictions: what the server is, how it stands, its pages, its end."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from cogsmith import __version__
from cogsmith.runtime.page import HEADERS, PATHS, asset
from cogsmith.runtime.process.child import stopwatch
from cogsmith.runtime.server import answers
from cogsmith.runtime.server.exposition import format_for
from cogsmith.runtime.server.front import FOREIGN, Front, own_origin
from cogsmith.runtime.server.health import Health
from cogsmith.runtime.server.http import Exchange
from cogsmith.runtime.server.metrics import Gauges
from cogsmith.runtime.server.pool import State
from cogsmith.runtime.server.predictions import Predictions
from cogsmith.runtime.server.site import Site

if TYPE_CHECKING:
    from cogsmith.runtime.server.dialects import OpenAI

_HEADERS = {name.lower().encode(): value.encode() for name, value in HEADERS.items()}


class Endpoints:
    """Everything that has no id."""

    def __init__(
        self, site: Site, predictions: Predictions, openai: OpenAI | None, end: Callable[[], None]
    ) -> None:
        self._site, self._predictions, self._openai, self._end = site, predictions, openai, end
        self._begun = stopwatch()
        self._document = b""  # made when it is asked for

    def route(self, front: Front) -> None:
        """Put them into the table."""
        health = Health(
            self._predictions.service, own_check=self._site.predict.signature.healthcheck
        )
        front.route("GET", "/health-check", health.check)
        front.route("GET", "/livez", health.live)
        front.route("GET", "/readyz", health.ready)
        front.route("GET", "/metrics", self._metrics)
        front.route("GET", "/openapi.json", self._openapi)
        front.route("POST", "/shutdown", self._shutdown)
        for path in PATHS:
            front.route("GET", path, self._asset, free=True)
        front.route("GET", "/", self._index)
        if self._openai is not None:
            front.route("POST", "/v1/chat/completions", self._openai.chat)
            front.route("POST", "/v1/completions", self._openai.complete)
            front.route("GET", "/v1/models", self._openai.models)
            front.below("GET", "/v1/models/", self._openai.model)

    def _index(self, exchange: Exchange) -> None:
        """``GET /``: a page for browsers, Cog's list of what there is for programs."""
        if b"text/html" in exchange.headers.get(b"accept", b""):
            self._asset(exchange)
            return
        told = {
            "cog_version": self._predictions.service.pool.cog, "cogsmith_version": __version__,
            "docs_url": "/docs", "openapi_url": "/openapi.json", "shutdown_url": "/shutdown",
            "healthcheck_url": "/health-check",
        }  # fmt: skip
        for name, noun in (("predictions", "prediction"), ("trainings", "training")):
            if name == "predictions" or self._site.train:
                told |= {
                    f"{name}_url": f"/{name}",
                    f"{name}_idempotent_url": f"/{name}/{{{noun}_id}}",
                    f"{name}_cancel_url": f"/{name}/{{{noun}_id}}/cancel",
                }
        exchange.reply(200, answers.text(told), headers={b"vary": b"Accept"})

    def _asset(self, exchange: Exchange) -> None:
        found = asset(exchange.path)
        if found is None:
            exchange.reply(404)
        else:
            exchange.reply(200, found[0], found[1].encode(), _HEADERS)

    def _openapi(self, exchange: Exchange) -> None:
        if not self._document:
            site = self._site
            make: Any = import_module("cogsmith.runtime.server.document").document
            self._document = answers.text(
                make(
                    site.predict.signature, train=site.train.signature if site.train else None,
                    title=site.name, version=__version__, openai=self._openai is not None,
                )
            )  # fmt: skip
        exchange.reply(200, self._document)

    def _metrics(self, exchange: Exchange) -> None:
        kind = format_for(exchange.text(b"accept"))
        service = self._predictions.service
        gauges = Gauges(
            slots=service.pool.slots, busy=service.pool.busy, queue_length=service.waiting,
            queue_limit=service.policy.queue, workers_alive=service.pool.alive,
            ready=service.pool.state is State.READY and not service.closing,
            uptime=stopwatch() - self._begun, predictions_kept=service.active + service.kept,
        )  # fmt: skip
        exchange.reply(200, service.metrics.render(gauges, kind), kind.encode())

    def _shutdown(self, exchange: Exchange) -> None:
        if own_origin(exchange):
            exchange.reply(200, b"{}")
            self._end()
        else:
            exchange.reply(403, FOREIGN)
