"""What the server counts, and how Prometheus reads it.

Counting is on the road of every token: integers in lists, a bisection to find a bucket, no
lock (one event loop counts) and no clock (durations are told). Gauges are asked for when
somebody reads. Labels come from closed sets, never from a request, so that the number of
series has an end.

Names follow vLLM's where there is one to follow (``vllm:time_to_first_token_seconds``), and
Prometheus's rules for the rest: base units in the name, ``_total`` on what only grows.
docs/reference/metrics.md lists them all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Literal, TypeVar, final, get_args

from cogsmith.prediction import Status
from cogsmith.runtime.server.exposition import TEXT, Family, Sample, render, sample

Operation = Literal["predict", "train"]
Reason = Literal[
    "invalid_input",  # the body or an input is wrong: 400, 415, 422
    "too_large",  # the body is over the limit: 413
    "unauthorized",  # no key, or a wrong one: 401
    "conflict",  # another prediction has this id
    "not_ready",  # setup has not finished, or failed: 503
    "at_capacity",  # no slot free and no room in the queue: 409 or 503
    "deadline",  # waited in the queue for too long: 503
    "draining",  # the server is on its way out: 503
]
WorkerEvent = Literal["started", "crashed", "restarted"]

# Upper bounds in seconds. vLLM's are all among them, so that panels made for it still fit;
# there are more at the low end, where small models live.
FIRST = (
    0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5,
    10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0,
)  # fmt: skip
GAPS = (
    0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15,
    0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
)  # fmt: skip
WHOLE = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0,
    15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0,
)  # fmt: skip

MOST_ROUTES = 512  # pairs of route and status; what comes after them is counted as "other"
_GAUGES = {
    "slots": ("cogsmith_slots", "Predictions that can run at once."),
    "busy": ("cogsmith_slots_busy", "Predictions that run."),
    "queue_length": ("cogsmith_queue_length", "Predictions that wait for a slot."),
    "queue_limit": ("cogsmith_queue_limit", "Predictions that may wait."),
    "workers_alive": ("cogsmith_workers_alive", "Worker processes that run."),
    "ready": ("cogsmith_ready", "1 when predictions are accepted, as /readyz says."),
    "uptime": ("cogsmith_uptime_seconds", "Since the server was started."),
    "predictions_kept": ("cogsmith_predictions_kept", "In memory, ended ones included."),
}
_TOKENS = (
    ("cogsmith_prompt_tokens", "Tokens that language models read."),
    ("cogsmith_generation_tokens", "Tokens that language models wrote."),
)
_WORKERS: dict[WorkerEvent, tuple[str, str]] = {
    "started": ("cogsmith_worker_starts", "Worker processes started."),
    "crashed": ("cogsmith_worker_crashes", "Worker processes that ended by themselves."),
    "restarted": ("cogsmith_worker_restarts", "Worker processes in place of one that crashed."),
}
_RESULTS = {True: "delivered", False: "failed"}
_ENDS = (Status.SUCCEEDED, Status.FAILED, Status.CANCELED)
_K = TypeVar("_K")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """How the server stands at the moment of reading. ``uptime`` is in seconds."""

    slots: int
    busy: int
    queue_length: int
    queue_limit: int
    workers_alive: int
    ready: bool
    uptime: float
    predictions_kept: int


@final
class Metrics:
    """The counters of one server. Every method is cheap, and none waits."""

    __slots__ = (
        "_accepted", "_finished", "_first", "_gaps", "_http", "_info", "_refused", "_setup",
        "_tokens", "_waits", "_webhooks", "_workers",
    )  # fmt: skip

    def __init__(self, info: Mapping[str, str] | None = None) -> None:
        """``info`` names what runs (``version``, ``model``): the labels of one constant series."""
        self._info = dict(info or {})
        self._accepted = _zeros(get_args(Operation))
        self._refused = _zeros(get_args(Reason))
        self._workers = _zeros(_WORKERS)
        self._webhooks = _zeros(_RESULTS)
        self._http: dict[tuple[str, int], int] = {}
        self._tokens = [0, 0]
        self._setup: float | None = None
        self._waits, self._first, self._gaps = (_Histogram(b) for b in (WHOLE, FIRST, GAPS))
        self._finished = {status: _Histogram(WHOLE) for status in _ENDS}

    def accepted(self, operation: Operation) -> None:
        """A request became a prediction: it runs, or waits for a slot."""
        self._accepted[operation] += 1

    def refused(self, reason: Reason) -> None:
        """A request did not become a prediction.

        ``deadline`` is the exception: it was accepted, gave up waiting, and has ended as well.
        """
        self._refused[reason] += 1

    def begun(self, waited: float) -> None:
        """A prediction got its slot, ``waited`` seconds after it was accepted."""
        self._waits.add(waited)

    def first_output(self, seconds: float) -> None:
        """The first chunk of a stream, counted from when the request was accepted."""
        self._first.add(seconds)

    def outputs(self, count: int, gap: float) -> None:
        """``count`` more chunks came at once, ``gap`` seconds after the chunk before them.

        They are taken as evenly spaced: ``count`` observations of ``gap / count`` seconds.
        """
        if count:
            gaps = self._gaps
            gaps.counts[bisect_left(gaps.bounds, gap / count)] += count
            gaps.sum += gap

    def finished(self, status: Status, seconds: float) -> None:
        """A prediction ended; ``seconds`` is its predict_time, 0 if it never ran."""
        self._finished[status].add(seconds)

    def tokens(self, prompt: int, completion: int) -> None:
        """A prediction of a language model ended: what it read and wrote."""
        self._tokens[0] += prompt
        self._tokens[1] += completion

    def http(self, route: str, status: int) -> None:
        """A request was answered. ``route`` is a pattern (``/predictions/{id}``), never a path."""
        try:
            self._http[route, status] += 1
        except KeyError:
            key = (route if len(self._http) < MOST_ROUTES else "other", status)
            self._http[key] = self._http.get(key, 0) + 1

    def worker(self, event: WorkerEvent) -> None:
        """A worker process was started, or crashed.

        One that takes a crashed one's place is ``started`` and ``restarted``.
        """
        self._workers[event] += 1

    def setup(self, seconds: float) -> None:
        """A worker became ready, ``seconds`` after its process was started."""
        self._setup = seconds

    def webhook(self, delivered: bool) -> None:
        """A webhook was delivered, or given up after its last retry."""
        self._webhooks[delivered] += 1

    def render(self, gauges: Gauges, content_type: str = TEXT) -> bytes:
        """Everything, as text in the format that ``content_type`` names (TEXT, OPENMETRICS)."""
        families = (*self._counted(), *self._timed(), *self._standing(gauges))
        return render(families, content_type)

    def _counted(self) -> Iterator[Family]:
        yield Family(
            "counter", "cogsmith_predictions_accepted", "Requests that became predictions.",
            [sample(n, operation=operation) for operation, n in self._accepted.items()],
        )  # fmt: skip
        yield Family(
            "counter", "cogsmith_predictions_refused", "Requests that were refused, by reason.",
            [sample(n, reason=reason) for reason, n in self._refused.items()],
        )  # fmt: skip
        yield Family(
            "counter", "cogsmith_predictions", "Predictions that ended, by how.",
            [sample(sum(h.counts), status=s.value) for s, h in self._finished.items()],
        )  # fmt: skip
        for (name, text), count in zip(_TOKENS, self._tokens, strict=True):
            yield Family("counter", name, text, [sample(count)])
        yield Family(
            "counter", "cogsmith_http_requests", "HTTP requests answered.",
            [sample(n, route=route, code=str(code)) for (route, code), n in self._http.items()],
        )  # fmt: skip
        yield Family(
            "counter", "cogsmith_webhooks", "Webhooks delivered, or given up after the last retry.",
            [sample(self._webhooks[ok], result=word) for ok, word in _RESULTS.items()],
        )  # fmt: skip
        for event, (name, text) in _WORKERS.items():
            yield Family("counter", name, text, [sample(self._workers[event])])

    def _timed(self) -> Iterator[Family]:
        yield Family(
            "histogram", "cogsmith_prediction_duration_seconds", "How long predict() ran.",
            [one for s, h in self._finished.items() for one in h.samples(status=s.value)],
        )  # fmt: skip
        for name, text, times in (
            ("cogsmith_queue_wait_seconds", "From accepted to running.", self._waits),
            ("cogsmith_time_to_first_token_seconds", "From accepted to first chunk.", self._first),
            ("cogsmith_inter_token_latency_seconds", "From one chunk to the next.", self._gaps),
        ):
            yield Family("histogram", name, text, times.samples())

    def _standing(self, gauges: Gauges) -> Iterator[Family]:
        if self._info:
            yield Family(
                "gauge", "cogsmith_info", "What runs; always 1.", [sample(1, **self._info)]
            )
        if self._setup is not None:
            text = "From the start of the latest worker process to the end of setup()."
            yield Family("gauge", "cogsmith_model_load_seconds", text, [sample(self._setup)])
        for field in fields(gauges):
            name, text = _GAUGES[field.name]
            value = getattr(gauges, field.name)
            yield Family("gauge", name, text, [sample(+value)])  # + makes a truth a number


def token_counts(metrics: Mapping[str, object]) -> tuple[int, int]:
    """Prompt and completion tokens, from the metrics that the author recorded.

    What is no count is 0: authors may record anything under these names.

    >>> token_counts({"input_token_count": 7, "output_token_count": "many"})
    (7, 0)
    """
    return _count(metrics.get("input_token_count")), _count(metrics.get("output_token_count"))


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return max(0, value)


class _Histogram:
    """How many durations fell into which bucket. ``bounds`` are inclusive; the last is endless."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds

    def samples(self, **labels: str) -> Iterator[Sample]:
        """Buckets, each with those below it, then the sum and the count."""
        below = 0
        for bound, count in zip((*map(repr, self.bounds), "+Inf"), self.counts, strict=True):
            below += count
            yield Sample(below, {**labels, "le": bound}, "_bucket")
        yield Sample(self.sum, labels, "_sum")
        yield Sample(below, labels, "_count")


def _zeros(keys: Iterable[_K]) -> dict[_K, int]:
    """Known labels are told from the start: a rate over a series needs its 0."""
    return dict.fromkeys(keys, 0)
