"""What /metrics tells: read with Prometheus's own parsers, and counted again by hand."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from cogsmith.prediction import Status
from cogsmith.runtime.server.exposition import OPENMETRICS, TEXT, format_for
from cogsmith.runtime.server.metrics import (
    FIRST,
    GAPS,
    MOST_ROUTES,
    WHOLE,
    Gauges,
    Metrics,
    Operation,
    Reason,
    WorkerEvent,
    token_counts,
)

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"
STANDING = Gauges(
    slots=4, busy=3, queue_length=2, queue_limit=64, workers_alive=1, ready=True, uptime=12.5,
    predictions_kept=7,
)  # fmt: skip
ENDS = [status for status in Status if status.terminal]
PARSERS = {
    TEXT: text_string_to_metric_families,
    OPENMETRICS: openmetrics.text_string_to_metric_families,
}

Key = tuple[str, tuple[tuple[str, str], ...]]
Series = dict[Key, float]


def read(metrics: Metrics, content_type: str = TEXT, gauges: Gauges = STANDING) -> Series:
    """Every sample by name and labels, as Prometheus's own parser finds them."""
    text = metrics.render(gauges, content_type).decode()
    found: Series = {}
    for family in PARSERS[content_type](text):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, f"{key} is told twice"
            found[key] = sample.value
    return found


def key(name: str, **labels: str) -> Key:
    return f"cogsmith_{name}", tuple(sorted(labels.items()))


# --- stories


def test_a_streamed_answer_is_seen_from_the_queue_to_its_end() -> None:
    metrics = Metrics()
    metrics.http("/predictions", 200)
    metrics.accepted("predict")
    metrics.begun(0.25)
    metrics.first_output(0.5)
    metrics.outputs(4, 0.2)
    metrics.finished(Status.SUCCEEDED, 0.45)
    metrics.tokens(12, 5)
    found = read(metrics)
    assert found[key("http_requests_total", route="/predictions", code="200")] == 1
    assert found[key("predictions_accepted_total", operation="predict")] == 1
    assert found[key("predictions_total", status="succeeded")] == 1
    assert found[key("prediction_duration_seconds_sum", status="succeeded")] == 0.45
    assert found[key("queue_wait_seconds_sum")] == 0.25
    assert found[key("time_to_first_token_seconds_bucket", le="0.25")] == 0
    assert found[key("time_to_first_token_seconds_bucket", le="0.5")] == 1
    assert found[key("inter_token_latency_seconds_bucket", le="0.04")] == 0
    assert found[key("inter_token_latency_seconds_bucket", le="0.05")] == 4
    assert found[key("inter_token_latency_seconds_sum")] == 0.2
    assert found[key("prompt_tokens_total")] == 12
    assert found[key("generation_tokens_total")] == 5


def test_a_worker_that_crashes_is_seen_and_so_is_the_one_after_it() -> None:
    metrics = Metrics()
    metrics.worker("started")
    metrics.setup(31.5)
    metrics.worker("crashed")
    metrics.worker("started")
    metrics.worker("restarted")
    metrics.setup(30.0)
    found = read(metrics)
    assert found[key("worker_starts_total")] == 2
    assert found[key("worker_crashes_total")] == 1
    assert found[key("worker_restarts_total")] == 1
    assert found[key("model_load_seconds")] == 30.0


def test_gauges_tell_the_moment_of_reading() -> None:
    metrics = Metrics()
    later = replace(STANDING, ready=False, busy=0, queue_length=0)
    now, then = read(metrics), read(metrics, gauges=later)
    assert (now[key("ready")], then[key("ready")]) == (1, 0)
    assert (now[key("slots_busy")], then[key("slots_busy")]) == (3, 0)
    assert (now[key("queue_length")], then[key("queue_length")]) == (2, 0)
    assert (now[key("slots")], now[key("queue_limit")], now[key("workers_alive")]) == (4, 64, 1)
    assert (now[key("uptime_seconds")], now[key("predictions_kept")]) == (12.5, 7)


def test_known_labels_are_there_before_anything_happens() -> None:
    found = read(Metrics())
    for reason in get_args(Reason):
        assert found[key("predictions_refused_total", reason=reason)] == 0
    for status in ENDS:
        assert found[key("predictions_total", status=status.value)] == 0
    for result in ("delivered", "failed"):
        assert found[key("webhooks_total", result=result)] == 0
    assert key("model_load_seconds") not in found, "nothing was loaded yet: that is not 0 seconds"


@pytest.mark.parametrize(
    ("accept", "format_"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/plain;version=0.0.4;q=0.2,*/*;q=0.1", TEXT),
        # What Prometheus 3 sends.
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2", OPENMETRICS),
    ],
)
def test_the_reader_chooses_the_format(accept: str, format_: str) -> None:
    assert format_for(accept) == format_


# --- laws

SECONDS = st.floats(0, 10_000) | st.sampled_from([*FIRST, *GAPS, *WHOLE])
ROUTES = st.sampled_from(["/predictions", "/predictions/{id}", "/v1/chat/completions", "other"])


@dataclass
class Ledger:
    """The same events, kept one by one."""

    counted: Counter[Key] = field(default_factory=Counter)
    timed: dict[Key, list[float]] = field(default_factory=dict)

    def count(self, name: str, n: int = 1, **labels: str) -> None:
        self.counted[key(name, **labels)] += n

    def time(self, name: str, values: list[float], **labels: str) -> None:
        self.timed.setdefault(key(name, **labels), []).extend(values)


Step = Callable[[Metrics, Ledger], None]


def step(counting: Callable[..., None], booking: Callable[..., None]) -> Callable[..., Step]:
    """A step of a server's life: counted by the metrics, and booked in the ledger."""

    def with_values(values: tuple[Any, ...]) -> Step:
        def run(metrics: Metrics, ledger: Ledger) -> None:
            counting(metrics, *values)
            booking(ledger, *values)

        return run

    return with_values


def _finished(ledger: Ledger, status: Status, seconds: float) -> None:
    ledger.count("predictions_total", status=status.value)
    ledger.time("prediction_duration_seconds", [seconds], status=status.value)


def _tokens(ledger: Ledger, prompt: int, completion: int) -> None:
    ledger.count("prompt_tokens_total", prompt)
    ledger.count("generation_tokens_total", completion)


def _worker(ledger: Ledger, event: str) -> None:
    word = {"started": "starts", "crashed": "crashes", "restarted": "restarts"}[event]
    ledger.count(f"worker_{word}_total")


def _outputs(ledger: Ledger, count: int, gap: float) -> None:
    ledger.time("inter_token_latency_seconds", [gap / count] * count if count else [])


STEPS = st.one_of(
    st.tuples(st.sampled_from(get_args(Operation))).map(
        step(Metrics.accepted, lambda to, o: to.count("predictions_accepted_total", operation=o))
    ),
    st.tuples(st.sampled_from(get_args(Reason))).map(
        step(Metrics.refused, lambda to, r: to.count("predictions_refused_total", reason=r))
    ),
    st.tuples(SECONDS).map(step(Metrics.begun, lambda to, s: to.time("queue_wait_seconds", [s]))),
    st.tuples(SECONDS).map(
        step(Metrics.first_output, lambda to, s: to.time("time_to_first_token_seconds", [s]))
    ),
    st.tuples(st.integers(0, 50), SECONDS).map(step(Metrics.outputs, _outputs)),
    st.tuples(st.sampled_from(ENDS), SECONDS).map(step(Metrics.finished, _finished)),
    st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(step(Metrics.tokens, _tokens)),
    st.tuples(ROUTES, st.sampled_from([200, 202, 404, 503])).map(
        step(
            Metrics.http,
            lambda to, r, c: to.count("http_requests_total", route=r, code=str(c)),
        )
    ),
    st.tuples(st.sampled_from(get_args(WorkerEvent))).map(step(Metrics.worker, _worker)),
    st.tuples(st.booleans()).map(
        step(
            Metrics.webhook,
            lambda to, ok: to.count("webhooks_total", result="delivered" if ok else "failed"),
        )
    ),
)


@given(st.lists(STEPS, max_size=40), st.sampled_from([TEXT, OPENMETRICS]))
def test_what_is_told_is_what_happened(steps: list[Step], content_type: str) -> None:
    metrics, ledger = Metrics(), Ledger()
    for run in steps:
        run(metrics, ledger)
    found = read(metrics, content_type)
    for told, value in found.items():
        if told[0].endswith("_total"):
            assert value == ledger.counted[told], told
    assert ledger.counted.keys() <= found.keys()
    for (name, labels), values in ledger.timed.items():
        assert found[f"{name}_count", labels] == len(values)
        assert math.isclose(found[f"{name}_sum", labels], sum(values), rel_tol=1e-9)
        bounds = {dict(pairs)["le"]: (told, pairs) for told, pairs in found
                  if told == f"{name}_bucket" and set(labels) <= set(pairs)}  # fmt: skip
        assert "+Inf" in bounds
        for bound, bucket in bounds.items():
            assert found[bucket] == sum(value <= float(bound) for value in values), bucket


@given(st.lists(STEPS, max_size=20), st.lists(STEPS, max_size=20))
def test_counters_and_buckets_never_fall(before: list[Step], after: list[Step]) -> None:
    metrics, ledger = Metrics(), Ledger()
    for run in before:
        run(metrics, ledger)
    first = read(metrics)
    for run in after:
        run(metrics, ledger)
    second = read(metrics)
    growing = ("_total", "_bucket", "_count", "_sum")
    assert all(second[k] >= first[k] for k in first if k[0].endswith(growing))


@given(st.text(), st.text(), st.sampled_from([TEXT, OPENMETRICS]))
def test_labels_hold_any_text(model: str, route: str, content_type: str) -> None:
    metrics = Metrics({"model": model})
    metrics.http(route, 200)
    found = read(metrics, content_type)
    assert found[key("info", model=model)] == 1
    assert found[key("http_requests_total", route=route, code="200")] == 1


# --- corners


def test_a_chunk_is_in_the_bucket_that_ends_where_it_is() -> None:
    metrics = Metrics()
    metrics.outputs(1, 0.01)
    found = read(metrics)
    assert found[key("inter_token_latency_seconds_bucket", le="0.0075")] == 0
    assert found[key("inter_token_latency_seconds_bucket", le="0.01")] == 1


def test_a_batch_with_nothing_more_in_it_counts_nothing() -> None:
    metrics = Metrics()
    metrics.outputs(0, 0.0)
    assert read(metrics)[key("inter_token_latency_seconds_count")] == 0


def test_routes_that_are_no_patterns_cannot_fill_the_memory() -> None:
    metrics = Metrics()
    metrics.http("/", 200)
    for number in range(10 * MOST_ROUTES):
        metrics.http(f"/predictions/{number}", 404)
    metrics.http("/", 200)
    found = {k: v for k, v in read(metrics).items() if k[0] == "cogsmith_http_requests_total"}
    assert len(found) == MOST_ROUTES + 1
    assert sum(found.values()) == 10 * MOST_ROUTES + 2
    assert found[key("http_requests_total", route="/", code="200")] == 2
    assert found[key("http_requests_total", route="other", code="404")] > 0


def test_bytes_of_a_variable_that_are_no_text_do_not_stop_the_reading() -> None:
    metrics = Metrics({"model": "llama\udcff"})
    assert read(metrics)[key("info", model="llama?")] == 1


def test_vllms_buckets_are_among_ours() -> None:
    first = {
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5,
        10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0,
    }  # fmt: skip
    gaps = {
        0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
        20.0, 40.0, 80.0,
    }  # fmt: skip
    whole = {
        0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0,
        240.0, 480.0, 960.0, 1920.0, 7680.0,
    }  # fmt: skip
    assert (first - {*FIRST}, gaps - {*GAPS}, whole - {*WHOLE}) == (set(), set(), set())
    assert all(list(bounds) == sorted({*bounds}) for bounds in (FIRST, GAPS, WHOLE))


@pytest.mark.parametrize(
    ("recorded", "counts"),
    [
        ({"input_token_count": 7, "output_token_count": 9}, (7, 9)),
        ({}, (0, 0)),
        ({"input_token_count": -7, "output_token_count": True}, (0, 0)),
        ({"input_token_count": "7", "output_token_count": [9]}, (0, 0)),
    ],
)
def test_tokens_are_what_authors_recorded_if_it_is_a_count(
    recorded: dict[str, object], counts: tuple[int, int]
) -> None:
    assert token_counts(recorded) == counts


# --- the page


def test_the_page_lists_every_metric_with_its_kind_and_labels() -> None:
    metrics = Metrics({"version": "1", "model": "m"})
    metrics.setup(1.0)
    metrics.http("/", 200)
    told = {}
    for family in text_string_to_metric_families(metrics.render(STANDING).decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for one in family.samples for label in one.labels} - {"le"}
        told[name] = (family.type, labels)
    rows = re.findall(
        r"^\| `(cogsmith_\w+)` \| (\w+) \| (.*?) \|", PAGE.read_text("utf-8"), re.MULTILINE
    )
    listed = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert listed == told


def test_the_page_lists_every_reason() -> None:
    page = PAGE.read_text("utf-8")
    rows = set(re.findall(r"^\| `(\w+)` \| [45\d, or]+ \|", page, re.MULTILINE))
    assert rows == set(get_args(Reason))
