"""Spans, as a collector gets them: a receiver of OTLP over HTTP, in a thread of the test."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent
from opentelemetry.proto.trace.v1.trace_pb2 import Status as SentStatus
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cogsmith.prediction import Status
from cogsmith.runtime.server.tracing import (
    LONGEST_VALUE,
    MOST_TAGS,
    Tracer,
    caller_attributes,
    request_attributes,
    usage_attributes,
    wanted,
)

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, NOT_SAMPLED = f"00-{TRACE}-{CALLER}-01", f"00-{TRACE}-{CALLER}-00"
TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Collector:
    """Keeps every request that is sent to it, and answers with ``status``, once it may."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Any, bytes]] = []
        self.status = 200
        self.asked, self.may_answer = threading.Event(), threading.Event()
        self.may_answer.set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.requests.append((self.path, self.headers, body))
                collector.asked.set()
                collector.may_answer.wait()
                self.send_response(collector.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def resources(self) -> list[dict[str, Any]]:
        return [_told(one.resource.attributes) for one in self._sent()]

    @property
    def spans(self) -> dict[str, Sent]:
        scopes = [scope for one in self._sent() for scope in one.scope_spans]
        return {span.name: span for scope in scopes for span in scope.spans}

    def _sent(self) -> Iterator[Any]:
        for _, _, body in self.requests:
            yield from ExportTraceServiceRequest.FromString(body).resource_spans


def _told(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@pytest.fixture(autouse=True)
def only_our_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    found = Collector()
    monkeypatch.setenv(ENDPOINT, found.url)
    yield found
    found.close()


def tracer() -> Tracer:
    found = Tracer.of(os.environ)
    assert found is not None
    return found


def closed(found: Tracer, limit: float = 60.0) -> None:
    asyncio.run(found.close(limit))


def ours(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name.startswith("cogsmith")]


# --- stories


def test_a_request_and_its_prediction_arrive_in_the_callers_trace(collector: Collector) -> None:
    traces = tracer()
    asked = request_attributes("POST", "/v1/chat/completions", "/v1/chat/completions")
    request = traces.begin("POST /v1/chat/completions", SAMPLED, "vendor=value", asked)
    prediction = request.child("cog.prediction", {"cog.prediction.id": "p1"})
    prediction.event("started", {"waited": 0.25})
    prediction.event("first output")
    usage = usage_attributes({"input_token_count": 12, "output_token_count": 5})
    prediction.end(Status.SUCCEEDED, {**usage, "gen_ai.operation.name": "chat"})
    request.end(200)
    closed(traces)

    assert [path for path, _, _ in collector.requests] == ["/v1/traces"]
    outer, inner = collector.spans["POST /v1/chat/completions"], collector.spans["cog.prediction"]
    assert outer.trace_id.hex() == inner.trace_id.hex() == TRACE
    assert outer.parent_span_id.hex() == CALLER
    assert inner.parent_span_id == outer.span_id
    assert (outer.kind, inner.kind) == (Sent.SPAN_KIND_SERVER, Sent.SPAN_KIND_INTERNAL)
    assert outer.trace_state == inner.trace_state == "vendor=value"
    assert _told(outer.attributes) == {
        "http.request.method": "POST", "http.route": "/v1/chat/completions",
        "url.path": "/v1/chat/completions", "url.scheme": "http", "http.response.status_code": 200,
    }  # fmt: skip
    assert _told(inner.attributes) == {
        "cog.prediction.id": "p1", "cog.prediction.status": "succeeded",
        "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 5,
    }  # fmt: skip
    assert [(e.name, _told(e.attributes)) for e in inner.events] == [
        ("started", {"waited": 0.25}), ("first output", {}),
    ]  # fmt: skip
    assert outer.start_time_unix_nano <= inner.start_time_unix_nano <= inner.end_time_unix_nano


def test_a_prediction_outlives_the_answer_to_its_request(collector: Collector) -> None:
    traces = tracer()
    request = traces.begin("PUT /predictions/{id}")
    prediction = request.child("cog.prediction")
    request.end(202)
    prediction.end(Status.CANCELED)
    closed(traces)
    outer, inner = collector.spans["PUT /predictions/{id}"], collector.spans["cog.prediction"]
    assert inner.parent_span_id == outer.span_id
    assert inner.end_time_unix_nano >= outer.end_time_unix_nano


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, None), (404, None), (409, None), (500, "500"), (503, "503"),
        (Status.SUCCEEDED, None), (Status.CANCELED, None), (Status.FAILED, "prediction_failed"),
    ],
)  # fmt: skip
def test_what_went_wrong_on_our_side_is_an_error(
    collector: Collector, status: Status | int, error: str | None
) -> None:
    traces = tracer()
    traces.begin("one").end(status)
    closed(traces)
    span = collector.spans["one"]
    assert (span.status.code == SentStatus.STATUS_CODE_ERROR) == (error is not None)
    assert _told(span.attributes).get("error.type") == error


def test_a_more_exact_error_wins(collector: Collector) -> None:
    traces = tracer()
    traces.begin("one").end(Status.FAILED, {"error.type": "worker_crashed"})
    closed(traces)
    assert _told(collector.spans["one"].attributes)["error.type"] == "worker_crashed"


def test_the_trace_goes_on_in_webhooks_and_in_the_authors_code(collector: Collector) -> None:
    traces = tracer()
    request = traces.begin("one", SAMPLED, "vendor=value")
    prediction = request.child("two")
    carriers = [request.carrier, prediction.carrier]
    prediction.end(Status.SUCCEEDED)
    request.end(200)
    closed(traces)
    assert carriers == [
        {"traceparent": f"00-{TRACE}-{collector.spans[name].span_id.hex()}-01",
         "tracestate": "vendor=value"}
        for name in ("one", "two")
    ]  # fmt: skip


def test_a_caller_who_does_not_sample_is_obeyed(collector: Collector) -> None:
    traces = tracer()
    request = traces.begin("one", NOT_SAMPLED)
    assert re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-00", request.carrier["traceparent"])
    request.end(200)
    traces.begin("two").end(200)
    closed(traces)
    assert collector.spans.keys() == {"two"}


@pytest.mark.parametrize(
    ("variables", "kept"),
    [
        ({"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, {"continued"}),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, set()),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}, set()),
        ({"COG_TRACE_SAMPLER": "parentbased_always_off"}, {"continued"}),
        (
            {"COG_TRACE_SAMPLER": "parentbased_traceidratio", "COG_TRACE_SAMPLER_ARG": "0"},
            {"continued"},
        ),
        (
            {"OTEL_TRACES_SAMPLER": "always_on", "COG_TRACE_SAMPLER": "always_off"},
            {"continued", "own"},
        ),
    ],
)
def test_the_operator_says_which_traces_are_kept(
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    kept: set[str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    traces = tracer()
    traces.begin("continued", SAMPLED).end(200)
    traces.begin("own").end(200)
    closed(traces)
    assert set(collector.spans) == kept


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "cogsmith"),
        ({"OTEL_SERVICE_NAME": "llama"}, "llama"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=llama,team=search"}, "llama"),
    ],
)
def test_the_service_has_a_name(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], name: str
) -> None:
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    traces = tracer()
    traces.begin("one").end(200)
    closed(traces)
    assert [told["service.name"] for told in collector.resources] == [name]


def test_headers_and_the_endpoint_of_traces_are_the_operators(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ENDPOINT)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.url}/mine")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20secret")
    traces = tracer()
    traces.begin("one").end(200)
    closed(traces)
    path, headers, _ = collector.requests[0]
    assert (path, headers["authorization"]) == ("/mine", "Bearer secret")


# --- off


def test_without_a_collector_nothing_is_imported() -> None:
    program = """if True:
        import sys
        from cogsmith.runtime.server.tracing import Tracer
        print(Tracer.of({}), [name for name in sys.modules if "opentelemetry" in name])
    """
    words = [sys.executable, "-c", program]
    told = subprocess.run(words, check=True, capture_output=True, text=True)
    assert told.stdout == "None []\n"


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {ENDPOINT: " "},
        {ENDPOINT: "http://c", "OTEL_SDK_DISABLED": "true"},
        {ENDPOINT: "http://c", "OTEL_TRACES_EXPORTER": "none"},
        {ENDPOINT: "http://c", "COG_TRACE_ENABLED": "false"},
        {ENDPOINT: "http://c", "COG_TRACE_ENABLED": "0"},
    ],
)
def test_off(variables: dict[str, str]) -> None:
    assert not wanted(variables)


@pytest.mark.parametrize(
    "variables",
    [
        {ENDPOINT: "http://c"},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c"},
        {ENDPOINT: "http://c", "OTEL_TRACES_EXPORTER": "console, otlp"},
        {ENDPOINT: "http://c", "OTEL_SDK_DISABLED": "false", "COG_TRACE_ENABLED": "true"},
    ],
)
def test_on(variables: dict[str, str]) -> None:
    assert wanted(variables)


@pytest.mark.parametrize(
    ("missing", "variables", "advice"),
    [
        ("opentelemetry.sdk.trace", {}, "pip install 'cogsmith[otel]'"),
        (
            "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "pip install 'cogsmith[otel]' opentelemetry-exporter-otlp-proto-grpc",
        ),
    ],
)
def test_a_library_that_is_missing_is_said_once(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    missing: str, variables: dict[str, str], advice: str,
) -> None:  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, missing, None)
    assert Tracer.of(os.environ) is None
    (said,) = ours(caplog)
    assert said.startswith("traces are off: ")
    assert said.endswith(advice)


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_TRACES_SAMPLER": "sometimes"},
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "carrier pigeon"},
        {"OTEL_BSP_MAX_QUEUE_SIZE": "0"},
    ],
)
def test_a_wrong_setting_turns_traces_off_and_nothing_else(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    variables: dict[str, str],
) -> None:  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Tracer.of(os.environ) is None
    (said,) = ours(caplog)
    assert said.startswith("traces are off: ")


# --- collectors that are no good


def test_a_collector_that_never_answers_holds_up_neither_work_nor_the_end(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "1")  # milliseconds: at once
    collector.may_answer.clear()
    traces = tracer()
    traces.begin("one").end(200)
    assert collector.asked.wait(60)
    for _ in range(10_000):  # more than the queue holds
        traces.begin("more").end(200)
    closed(traces, 0.05)
    assert not collector.may_answer.is_set(), "it has not answered, and we are here"
    assert ours(caplog) == ["the last traces could not be sent within 0.05 seconds"]


@pytest.mark.parametrize("status", [400, 401, 500])
def test_a_collector_that_refuses_costs_spans_alone(collector: Collector, status: int) -> None:
    collector.status = status
    traces = tracer()
    traces.begin("one").end(200)
    closed(traces)
    assert len(collector.requests) == 1


def test_a_collector_that_is_not_there_costs_spans_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gone = Collector()
    gone.close()
    monkeypatch.setenv(ENDPOINT, gone.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
    traces = tracer()
    traces.begin("one").end(200)
    closed(traces)
    assert any("Failed to export" in message for message in caplog.messages)


def test_text_that_utf8_does_not_have_costs_no_batch(collector: Collector) -> None:
    traces = tracer()
    span = traces.begin("one", attributes={"cog.prediction.id": "\ud800"})
    span.event("two", {"text": "\udfff"})
    span.end(200, {"error.type": "\ud83d!"})
    closed(traces)
    told = _told(collector.spans["one"].attributes)
    assert (told["cog.prediction.id"], told["error.type"]) == ("?", "?!")


def test_closing_twice_is_closing_once(collector: Collector) -> None:
    traces = tracer()
    traces.begin("one").end(200)
    closed(traces)
    closed(traces)
    assert len(collector.requests) == 1


# --- laws


VALID = st.builds(
    "00-{:032x}-{:016x}-{:02x}".format,
    st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 255),
)  # fmt: skip


@given(st.text() | VALID, st.text())
def test_no_header_can_hurt(traceparent: str, tracestate: str) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    span = Tracer(provider, InMemorySpanExporter()).begin("one", traceparent, tracestate)
    found = span.carrier
    assert TRACEPARENT.fullmatch(found["traceparent"])
    if TRACEPARENT.fullmatch(traceparent):
        assert found["traceparent"][:35] == traceparent[:35], "the same trace"
        assert found["traceparent"][36:52] != traceparent[36:52], "another span"


@given(
    st.dictionaries(
        st.text() | st.text("ab._-1 ", min_size=1, max_size=70).map("trace.{}".format),
        st.text(max_size=200),
        max_size=40,
    )
)
def test_tags_of_callers_keep_their_place(context: dict[str, str]) -> None:
    found = caller_attributes(context)
    assert len(found) <= MOST_TAGS
    for name, value in found.items():
        assert re.fullmatch(r"caller\.[A-Za-z0-9._-]{1,64}", name)
        asked = context[name.replace("caller.", "trace.", 1)]
        assert asked.startswith(str(value))
        assert len(str(value).encode()) <= LONGEST_VALUE
        assert asked == value or len(asked.encode()) > LONGEST_VALUE


# --- corners


def test_sixteen_tags_are_enough() -> None:
    found = caller_attributes({f"trace.{number}": "x" for number in range(40)})
    assert list(found) == [f"caller.{number}" for number in range(MOST_TAGS)]


def test_a_predictor_that_counts_no_tokens_has_no_usage() -> None:
    assert usage_attributes({"predict_time": 1.0}) == {}


def test_what_callers_send_does_not_fill_the_log(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    traces = tracer()
    for bad in ("no pairs", "a=1,a=2", "a=1," * 600):
        traces.begin("one", SAMPLED, bad).end(200)
        traces.begin("one", bad, bad).end(200)
    assert caplog.messages == []
    closed(traces)
