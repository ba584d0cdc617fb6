"""The server put together: its parts, its signals, its end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import uvloop

from cogsmith import __version__
from cogsmith.prediction import Log
from cogsmith.runtime.process.child import Child, now, stopwatch
from cogsmith.runtime.server.endpoints import Endpoints
from cogsmith.runtime.server.front import Front
from cogsmith.runtime.server.http import Exchange, Server
from cogsmith.runtime.server.metrics import Metrics, Operation
from cogsmith.runtime.server.outgoing import Outgoing, tracing
from cogsmith.runtime.server.pool import Pool
from cogsmith.runtime.server.predictions import Predictions
from cogsmith.runtime.server.record import Record, Turn
from cogsmith.runtime.server.service import Service
from cogsmith.runtime.server.settings import Settings
from cogsmith.runtime.server.site import Offer, Site

if TYPE_CHECKING:
    from cogsmith.prediction import Sender
    from cogsmith.runtime.server.dialects import OpenAI
    from cogsmith.runtime.server.tracing import Tracer

_log = logging.getLogger("cogsmith.server")

SETTLE = 5.0  # seconds that canceled predictions get to clean up when the server ends
HURRY = 1.0  # seconds, when it is told to end a second time
GRACE = 10.0  # seconds that a worker may take to end; vLLM, for one, has processes of its own
KEEP_ALIVE = 15.0  # seconds of silence on a stream
Listening = Callable[[str, int], None]
"""Called with host and port when connections are taken."""


class App:
    """A running server."""

    def __init__(self, site: Site, settings: Settings, environ: Mapping[str, str]) -> None:
        self.settings = settings
        self._environ = environ
        self._loop = asyncio.get_running_loop()
        self._turn = Turn()
        self._turn.measure, self._turn.said = self._measure, _said
        self.metrics = Metrics({"version": __version__, "model": site.name})
        self._sender: Sender | None = None
        self.tracer: Tracer | None = None
        self._outgoing: list[Outgoing] = []
        self.predictions = self._made(site.predict, "predict")
        self.services = [self.predictions.service]
        self._ending: asyncio.Future[int] = self._loop.create_future()
        self._hurried = asyncio.Event()
        front = Front(settings.keys, self._observe)
        _route(front, self.predictions, "predictions")
        if site.train:
            trainings = self._made(site.train, "train")
            self.services.append(trainings.service)
            _route(front, trainings, "trainings")
        openai = self._dialect(site)
        Endpoints(site, self.predictions, openai, self.end).route(front)
        self._server = Server(front.handle, settings.limits, front)

    # --- life

    async def run(self, children: Sequence[Child], listening: Listening) -> int:
        """Serve until told to end; answers the signal that ended it, 0 for none.

        Raises OSError when the address cannot be listened at.
        """
        port = await self._server.listen(self.settings.host, self.settings.port)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._on_signal, number)
        self.predictions.service.pool.start(children)
        listening(self.settings.host, port)
        self._loop.call_later(KEEP_ALIVE, self._keep_alive)
        self._trace()
        gc.collect()
        gc.enable()  # it rested while we were imported
        gc.freeze()  # what is here stays: no collection needs to look at it again
        gc.set_threshold(50_000, 20, 100)  # requests leave few cycles, and many short objects
        ending = await self._ending
        self._loop.add_signal_handler(signal.SIGTERM, self._at_once)
        self._loop.add_signal_handler(signal.SIGINT, self._at_once)
        await self._drain()
        return ending

    def end(self, number: int = 0) -> None:
        """Take no further prediction, and end when those underway have been delivered."""
        if not self._ending.done():
            self._ending.set_result(number)

    async def _drain(self) -> None:
        """Let everything underway end, and tell the webhooks; then cancel the rest."""
        services = self.services
        for service in services:
            service.closing = True
        self._server.rest()
        begun = stopwatch()
        left = sum([await service.emptied(self._left(begun)) for service in services])
        if left:
            _log.error("%d predictions have not ended in time and are canceled", left)
            for service in services:
                service.drop_all()
                await service.emptied(SETTLE)
                service.end_all()
        await self._tell(max(SETTLE, self._left(begun)))
        grace = 1.0 if self._hurried.is_set() else GRACE
        await asyncio.gather(*(service.pool.close(grace=grace) for service in services))
        if self._sender is not None:
            await self._sender.close()
        if self.tracer is not None:
            await self.tracer.close()
        await self._server.close()

    async def _tell(self, limit: float) -> None:
        """Let the webhooks leave; after a second signal they get a few seconds more."""
        if self._sender is None:
            return
        telling = self._loop.create_task(self._sender.drain(limit))
        hurried = self._loop.create_task(self._hurried.wait())
        await asyncio.wait((telling, hurried), return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait((telling,), timeout=SETTLE)
        for task in (telling, hurried):
            task.cancel()

    def _left(self, begun: float) -> float:
        return max(0.0, self.settings.drain - (stopwatch() - begun))

    def _on_signal(self, number: int) -> None:
        if self.settings.explicit_shutdown and number == signal.SIGTERM:
            _log.info("SIGTERM: waiting for POST /shutdown")
            return
        pool = self.predictions.service.pool
        idle = not any(service.active for service in self.services)
        if pool.completed_at is None and idle:  # end as the signal says
            self._early_end = self._loop.create_task(self._end_in_setup(number))
            return
        _log.info("%s: ends when what is underway has ended", signal.Signals(number).name)
        self.end(number)

    async def _end_in_setup(self, number: int) -> None:
        await self.predictions.service.pool.close(grace=1.0)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(128 + number)  # as process 1 of a container nobody ends of a signal

    def _at_once(self) -> None:
        """A second signal: do not wait any longer."""
        self._hurried.set()
        for service in self.services:
            service.drop_all()
            self._loop.call_later(HURRY, service.end_all)

    def _keep_alive(self) -> None:
        self.predictions.keep_alive()
        self._loop.call_later(KEEP_ALIVE, self._keep_alive)

    def _trace(self) -> None:
        """Begin to trace, if that is asked for: once the workers load, since it imports much."""
        self.tracer = tracing().Tracer.of(self._environ)
        for outgoing in self._outgoing:
            outgoing.tracer = self.tracer

    # --- parts

    def sender(self) -> Sender:
        """What sends webhooks; made for the first one."""
        if self._sender is None:
            prediction: Any = import_module("cogsmith.prediction")
            sending = prediction.Sending.of(self._environ)
            self._sender = prediction.Sender(sending, self.metrics.webhook)
        return self._sender

    def _dialect(self, site: Site) -> OpenAI | None:
        """OpenAI's routes, for what may be a language model; others don't pay for the import."""
        if site.predict.signature.input("prompt") is None:
            return None
        dialect = import_module("cogsmith.runtime.openai").Dialect.of(
            site.predict.signature, model=site.name, created=int(now())
        )
        dialects: Any = import_module("cogsmith.runtime.server.dialects")
        return dialects.OpenAI(dialect, self.predictions) if dialect else None

    def _made(self, offer: Offer, operation: Operation) -> Predictions:
        settings = self.settings
        spec = replace(offer.spec, setup_timeout=settings.setup_timeout)
        several = operation == "predict" and not offer.signature.is_async
        pool = Pool(spec, settings.workers if several else 1, settings.restarts)
        service = Service(pool, self.metrics, settings.policy, operation=operation)
        service.on_said = _said
        predictions = Predictions(service, offer.signature, self._turn, settings.manners)
        outgoing = Outgoing(
            predictions, self.sender, upload_url=settings.upload_url,
            file_limit=settings.file_limit, project=offer.spec.project,
        )  # fmt: skip
        self._outgoing.append(outgoing)
        predictions.prepare = outgoing.prepare
        return predictions

    def _measure(self, record: Record, count: int) -> None:
        """Outputs of a stream came; those that came with the first one have no gap."""
        if not record.iterator:
            return
        at = self._loop.time()
        if record.last:
            self.metrics.outputs(count, at - record.last)
        else:
            self.metrics.first_output(at - record.accepted)
        record.last = at

    def _observe(self, exchange: Exchange, status: int) -> None:
        self.metrics.http(exchange.route, status)
        if status in (401, 413):
            self.metrics.refused("unauthorized" if status == 401 else "too_large")


def _route(front: Front, predictions: Predictions, name: str) -> None:
    front.route("POST", f"/{name}", predictions.create)
    front.named("PUT", name, predictions.put)
    front.named("GET", name, predictions.get)
    front.named("POST", name, predictions.cancel, after="cancel")


def _said(log: Log) -> None:
    """What the author's code prints goes where a program's text goes, too."""
    stream = sys.stdout if log.source == "stdout" else sys.stderr
    with suppress(OSError, ValueError):
        stream.write(log.text)
        stream.flush()


def serve(
    site: Site, settings: Settings, *, children: Sequence[Child] = (),
    listening: Listening = lambda _host, _port: None,
) -> int:  # fmt: skip
    """Serve a model until a signal or ``POST /shutdown``; answers the signal, 0 for none.

    Raises CogsmithError when the address cannot be listened at.
    """

    async def run() -> int:
        return await App(site, settings, os.environ).run(children, listening)

    for warning in settings.warnings:
        _log.warning("%s", warning)
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(run())
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()
