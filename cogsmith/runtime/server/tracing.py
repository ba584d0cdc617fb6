"""Traces, where somebody collects them: spans, sent over OTLP by OpenTelemetry's own library.

The library is optional (``cogsmith[otel]``) and is imported only when a collector is named:
that takes a fifth of a second. It sends from a thread of its own: a collector that is slow,
gone or wrong costs spans, never a prediction.

Attributes follow OpenTelemetry's conventions (``http.*``, ``gen_ai.*``); spans of predictions
are named as Cog names them (``cog.prediction``, ``cog.train``). Prompts and outputs are never
among them.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING, final

from cogsmith import __version__
from cogsmith.prediction import Status
from cogsmith.runtime.server.metrics import token_counts

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.sdk.trace.sampling import Sampler

Attributes = Mapping[str, str | int | float | bool]

FLUSH_LIMIT = 5.0  # seconds that the end of the server may wait for the collector

_EXPORTERS = {
    "http/protobuf": "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "http": "opentelemetry.exporter.otlp.proto.http.trace_exporter",  # Cog takes this word too
    "grpc": "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
}
_PACKAGES = {"grpc": "'cogsmith[otel]' opentelemetry-exporter-otlp-proto-grpc"}

# Tags that a caller may add, and Cog's limits for them: number, and bytes of a value.
_TAG = re.compile(r"trace\.([A-Za-z0-9._-]{1,64})")
MOST_TAGS, LONGEST_VALUE = 16, 128

_log = logging.getLogger("cogsmith.tracing")


@final
class Tracer:
    """Begins spans. Made by ``Tracer.of``; there is none when nobody collects."""

    def __init__(self, provider: TracerProvider, exporter: SpanExporter) -> None:
        """Begin spans of ``provider``, which sends them by ``exporter``; both are ours to close."""
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        for name in ("opentelemetry.trace.span", "opentelemetry.trace.propagation.tracecontext"):
            # They warn of headers that are malformed: any caller could fill our log.
            logging.getLogger(name).setLevel(logging.ERROR)
        self._provider, self._exporter = provider, exporter
        self._api = provider.get_tracer("cogsmith", __version__)
        self._w3c = TraceContextTextMapPropagator()
        self._server, self._internal = trace.SpanKind.SERVER, trace.SpanKind.INTERNAL
        self._error = trace.StatusCode.ERROR
        self._within = trace.set_span_in_context

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Tracer | None:
        """The tracer that the environment asks for, or None, with a warning if it cannot be had.

        ``environ`` is the process's own: the library reads further ``OTEL_*`` variables there
        (headers, certificates, timeouts, batches).
        """
        if not wanted(environ):
            return None
        try:
            return cls(*_pipeline(environ))
        except ImportError as error:
            packages = _PACKAGES.get(_protocol(environ), "'cogsmith[otel]'")
            _log.warning("traces are off: %s; run: pip install %s", error, packages)
        except (ValueError, OSError, RuntimeError) as error:
            _log.warning("traces are off: %s", error)
        return None

    def begin(
        self,
        name: str,
        traceparent: str = "",
        tracestate: str = "",
        attributes: Attributes | None = None,
    ) -> Span:
        """Begin the span of a request: ``name`` is its method and route.

        It continues the caller's trace, as the W3C headers tell it; headers that are missing
        or malformed begin a trace of its own.
        """
        headers = {"traceparent": traceparent, "tracestate": tracestate}
        parent = self._w3c.extract(headers)
        return self._begin(name, parent, self._server, attributes)

    def _begin(
        self, name: str, parent: Context, kind: trace.SpanKind, attributes: Attributes | None
    ) -> Span:
        return Span(self, self._api.start_span(name, parent, kind, _sendable(attributes)))

    async def close(self, limit: float = FLUSH_LIMIT) -> None:
        """Send what has ended, for ``limit`` seconds at most; the rest is lost."""
        loop, sent = asyncio.get_running_loop(), asyncio.Event()

        def flush() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # too late: the loop is closed, nobody waits
                loop.call_soon_threadsafe(sent.set)

        _apart(flush)
        try:
            await asyncio.wait_for(sent.wait(), limit)
        except asyncio.TimeoutError:
            _log.warning("the last traces could not be sent within %g seconds", limit)
            _apart(self._exporter.shutdown)  # no further try


@final
class Span:
    """A piece of work in a trace, from ``begin`` to ``end``."""

    __slots__ = ("_span", "_tracer")

    def __init__(self, tracer: Tracer, span: trace.Span) -> None:
        self._tracer, self._span = tracer, span

    def child(self, name: str, attributes: Attributes | None = None) -> Span:
        """Begin a span inside of this one. It may end after it: a prediction outlives a 202."""
        tracer = self._tracer
        parent = tracer._within(self._span)
        return tracer._begin(name, parent, tracer._internal, attributes)

    @property
    def carrier(self) -> dict[str, str]:
        """``traceparent``, and ``tracestate`` if there is one, for those who carry on.

        They are the headers of a webhook, and go into the context of a prediction, where the
        author's code finds them. A trace that is not sampled is handed on as such.
        """
        found: dict[str, str] = {}
        self._tracer._w3c.inject(found, self._tracer._within(self._span))
        return found

    def event(self, name: str, attributes: Attributes | None = None) -> None:
        """Something happened at this moment: a slot was free, the first token came."""
        self._span.add_event(name, _sendable(attributes))

    def end(self, status: Status | int, attributes: Attributes | None = None) -> None:
        """End it, with the status of a prediction or of an HTTP answer.

        ``failed`` and 5xx make it an error; what a client did wrong, or took back, does not.
        """
        if isinstance(status, Status):
            told: dict[str, str | int] = {"cog.prediction.status": status.value}
            error = "prediction_failed" if status is Status.FAILED else ""
        else:
            told = {"http.response.status_code": status}
            error = str(status) if status >= 500 else ""
        if error:
            told["error.type"] = error
            self._span.set_status(self._tracer._error)
        self._span.set_attributes({**told, **_sendable(attributes)})
        self._span.end()


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether traces go anywhere: a collector is named, and nobody says no.

    ``OTEL_EXPORTER_OTLP_ENDPOINT``, or the one with ``TRACES``, names it.
    ``OTEL_SDK_DISABLED=true``, ``OTEL_TRACES_EXPORTER`` without ``otlp`` (``none``), and Cog's
    ``COG_TRACE_ENABLED=false`` say no.
    """
    named = _first(environ, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    exporters = _first(environ, "OTEL_TRACES_EXPORTER") or "otlp"
    return (
        bool(named)
        and "otlp" in (word.strip() for word in exporters.split(","))
        and _first(environ, "OTEL_SDK_DISABLED").lower() not in {"1", "true", "yes"}
        and _first(environ, "COG_TRACE_ENABLED").lower() not in {"0", "false", "no"}
    )


def request_attributes(method: str, route: str, path: str, scheme: str = "http") -> Attributes:
    """What a request asked for. ``route`` is the pattern, ``path`` what came, without query."""
    return {
        "http.request.method": method, "http.route": route, "url.path": path,
        "url.scheme": scheme,
    }  # fmt: skip


def usage_attributes(metrics: Mapping[str, object]) -> Attributes:
    """The tokens of a language model's prediction, from the metrics that it recorded."""
    counts = token_counts(metrics)
    names = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")
    return dict(zip(names, counts, strict=True)) if any(counts) else {}


def caller_attributes(context: Mapping[str, str]) -> Attributes:
    """Tags that a caller added: ``trace.team`` in a request's context is ``caller.team`` here.

    The rest of the context is the caller's own business. Cog's limits: 16 tags, names of 64
    bytes, values cut at 128 bytes.

    >>> caller_attributes({"trace.team": "search", "secret": "x"})
    {'caller.team': 'search'}
    """
    return dict(islice(_tags(context), MOST_TAGS))


def _tags(context: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in context.items():
        if tag := _TAG.fullmatch(key):
            cut = value.encode("utf-8", "replace")[:LONGEST_VALUE]
            yield f"caller.{tag[1]}", cut.decode("utf-8", "ignore")


def _apart(work: Callable[[], None]) -> None:
    """Not in the loop's executor: the end of the program would wait for that."""
    threading.Thread(target=work, name="traces", daemon=True).start()


def _sendable(attributes: Attributes | None) -> dict[str, str | int | float | bool]:
    """Half a surrogate pair, which JSON can carry, would cost the whole batch of spans."""
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in (attributes or {}).items()
    }


def _pipeline(environ: Mapping[str, str]) -> tuple[TracerProvider, SpanExporter]:
    """Raises ImportError where a package is missing, ValueError for a setting that is wrong."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    sampler, exporter = _sampler(environ), _exporter(environ)
    # The library's own flush at exit knows no limit; ours is close().
    provider = TracerProvider(sampler, _resource(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider, exporter


def _exporter(environ: Mapping[str, str]) -> SpanExporter:
    protocol = _protocol(environ)
    if protocol not in _EXPORTERS:
        known = ", ".join(_EXPORTERS)
        raise ValueError(f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol} is not one of {known}")
    exporter: SpanExporter = import_module(_EXPORTERS[protocol]).OTLPSpanExporter()
    return exporter


def _sampler(environ: Mapping[str, str]) -> Sampler:
    """OpenTelemetry's variables, then Cog's, which an image built by Cog carries."""
    from opentelemetry.sdk.trace import sampling

    name = _first(environ, "OTEL_TRACES_SAMPLER", "COG_TRACE_SAMPLER") or "parentbased_always_on"
    fixed = {
        "always_on": sampling.ALWAYS_ON,
        "always_off": sampling.ALWAYS_OFF,
        "parentbased_always_on": sampling.DEFAULT_ON,
        "parentbased_always_off": sampling.DEFAULT_OFF,
    }
    if name in fixed:
        return fixed[name]
    ratio = float(_first(environ, "OTEL_TRACES_SAMPLER_ARG", "COG_TRACE_SAMPLER_ARG") or 1)
    if name == "traceidratio":
        return sampling.TraceIdRatioBased(ratio)
    if name == "parentbased_traceidratio":
        return sampling.ParentBasedTraceIdRatio(ratio)
    raise ValueError(f"OTEL_TRACES_SAMPLER={name} is not a sampler")


def _resource() -> Resource:
    """Who we are: what ``OTEL_SERVICE_NAME`` and ``OTEL_RESOURCE_ATTRIBUTES`` say, or cogsmith."""
    from opentelemetry.sdk.resources import Resource

    told = Resource.create()
    if str(told.attributes["service.name"]).startswith("unknown_service"):
        return told.merge(Resource({"service.name": "cogsmith"}))
    return told


def _protocol(environ: Mapping[str, str]) -> str:
    names = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    return _first(environ, *names) or "http/protobuf"


def _first(environ: Mapping[str, str], *names: str) -> str:
    """The first of these variables that is set to something; an empty one counts as not set."""
    values = (environ.get(name, "").strip() for name in names)
    return next(filter(None, values), "")
