"""What leaves a prediction beside its answer: webhooks, files, and the span of a trace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cogsmith.errors import DeliveryFailed
from cogsmith.prediction import Output, Webhook
from cogsmith.runtime.process.child import now
from cogsmith.runtime.server import answers
from cogsmith.runtime.server.hooks import Telling
from cogsmith.runtime.server.http import Exchange
from cogsmith.runtime.server.predictions import Predictions
from cogsmith.runtime.server.record import Record
from cogsmith.runtime.server.requests import Call

if TYPE_CHECKING:
    from cogsmith.prediction import Sender
    from cogsmith.runtime.server.tracing import Span, Tracer

_TRACE = (b"traceparent", b"tracestate")


class Outgoing:
    """Prepares predictions of one service before they run.

    What sends webhooks, and what hands files on, is imported when a prediction needs it.
    """

    def __init__(
        self, predictions: Predictions, sender: Callable[[], Sender], *, upload_url: str | None,
        file_limit: int, project: Path,
    ) -> None:  # fmt: skip
        self.tracer: Tracer | None = None
        self._predictions, self._sender = predictions, sender
        self._upload_url, self._file_limit = upload_url, file_limit
        self._project = project
        self._delivering: set[asyncio.Task[None]] = set()

    def prepare(self, record: Record, call: Call, exchange: Exchange) -> None:
        """Attach what the request asks for beside an answer."""
        traced: Mapping[str, str] = _traced(exchange) if b"traceparent" in exchange.headers else {}
        if self.tracer is not None:
            traced = self._span(record, exchange, self.tracer)
        if call.webhook:
            webhook = Webhook.parse(call.webhook, call.webhook_events_filter)
            watch = self._sender().watch(
                webhook, lambda: self._state(record), name=record.id, trace=traced
            )
            record.watch(Telling(record, watch))
        record.on_files = self._take
        if call.output_file_prefix:
            record.on_files = partial(self._take, upload_url=call.output_file_prefix)

    def _take(self, record: Record, output: Output, upload_url: str = "") -> None:
        """Begin to hand on the files of an output; what follows it waits."""
        found = [watcher for watcher in record.watchers if isinstance(watcher, _Files)]
        if not found:
            found.append(_Files(self, record))
            record.watch(found[0])
        found[0].files += output.files
        upload_url = upload_url or self._upload_url or ""
        task = asyncio.get_running_loop().create_task(self._deliver(record, output, upload_url))
        self._delivering.add(task)
        task.add_done_callback(self._delivering.discard)

    def tidy(self, record: Record, files: list[str]) -> None:
        """Remove what the prediction left in the temporary folder."""
        since = record.started_at or record.created_at
        loop = asyncio.get_running_loop()
        tidy = _files().tidy
        loop.run_in_executor(None, lambda: tidy(files, since=since, project=self._project))

    async def _deliver(self, record: Record, output: Output, upload_url: str) -> None:
        files = _files()
        to = files.Destination(upload_url=upload_url, prediction=record.id, limit=self._file_limit)
        try:
            json = await files.delivered(output.json, output.files, to)
        except DeliveryFailed as error:
            self._predictions.service.drop(record)
            hint = f"; {error.hint}" if error.hint else ""
            record.fail(f"{error}{hint}", now())
        else:
            record.release(json)

    def _state(self, record: Record) -> bytes:
        shown = self._predictions.gate.shown_json(record.given)
        return answers.state(record, shown, times=True)

    def _span(self, record: Record, exchange: Exchange, tracer: Tracer) -> Mapping[str, str]:
        caller = tracing().caller_attributes(record.context)
        attributes = {"cog.prediction.id": record.id, **caller}
        name = "cog.train" if self._predictions.service.operation == "train" else "cog.prediction"
        span = tracer.begin(
            name, exchange.text(b"traceparent"), exchange.text(b"tracestate"), attributes
        )
        record.watch(_Traced(record, span))
        record.context = {**record.context, **span.carrier}
        return span.carrier


class _Files:
    """The output files of one prediction, which are tidied at its end."""

    __slots__ = ("_outgoing", "_record", "files")
    reads = False

    def __init__(self, outgoing: Outgoing, record: Record) -> None:
        self._outgoing, self._record = outgoing, record
        self.files: list[str] = []

    def flush(self) -> None:
        """Nothing to do before the end."""

    def end(self) -> None:
        """Nobody needs them any more."""
        self._outgoing.tidy(self._record, self.files)


class _Traced:
    """The span of a prediction, as its listener."""

    __slots__ = ("_at", "_record", "_span", "_started")
    reads = True

    def __init__(self, record: Record, span: Span) -> None:
        self._record, self._span = record, span
        self._started = self._at = False

    def flush(self) -> None:
        """Tell when it started, and when its first output came."""
        if not self._started and self._record.started_at is not None:
            self._started = True
            self._span.event("started")
        if not self._at and self._record.outputs:
            self._at = True
            self._span.event("first output")

    def end(self) -> None:
        """Tell how it ended."""
        usage = tracing().usage_attributes(self._record.metrics)
        self._span.end(self._record.status, usage)


def tracing() -> Any:
    """The module that traces."""
    return import_module("cogsmith.runtime.server.tracing")


def _files() -> Any:
    """The room's part that hands files on."""
    return import_module("cogsmith.runtime.files")


def _traced(exchange: Exchange) -> dict[str, str]:
    """The W3C Trace Context of a request."""
    return {name.decode(): exchange.text(name) for name in _TRACE if name in exchange.headers}
