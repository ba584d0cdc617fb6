"""When a receiver is told of what: laws of the throttle, and the body of a webhook."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.errors import InvalidInput
from cogsmith.prediction import (
    Event,
    Finished,
    Log,
    Metric,
    Notifier,
    Output,
    Prediction,
    Started,
    Status,
    Webhook,
    WebhookEvent,
    fold,
    payload,
    render,
)  # fmt: skip

URL = "https://example.com/hook"
START, OUTPUT, LOGS, COMPLETED = WebhookEvent
UPDATES = {OUTPUT, LOGS}
# What happens, each with the time since what happened before.
STEPS = st.lists(
    st.tuples(st.sampled_from([OUTPUT, LOGS]), st.floats(0, 2, allow_subnormal=False)),
    max_size=40,
)  # fmt: skip
FILTERS = st.frozensets(st.sampled_from(list(WebhookEvent)))
INTERVALS = st.sampled_from([0.0, 0.25, 0.5, 1.0])


class Receiver:
    """Drives a notifier as a server does: its timer fires when it is due."""

    def __init__(self, events: frozenset[WebhookEvent], interval: float) -> None:
        self.notifier = Notifier(Webhook(URL, events), interval)
        self.sent: list[tuple[WebhookEvent, float, int]] = []
        self.now, self.happened = 0.0, 0

    def wait(self, until: float) -> None:
        while (due := self.notifier.due) is not None and due <= until:
            self._heard(self.notifier.lapsed(due), due)
        self.now = until

    def tell(self, kind: WebhookEvent) -> None:
        self.happened += 1
        for due in self.notifier.told([kind], self.now):
            self._heard(due, self.now)

    def _heard(self, due: WebhookEvent | None, at: float) -> None:
        if due is not None:
            self.sent.append((due, at, self.happened))

    def run(self, steps: list[tuple[WebhookEvent, float]], *, end: bool) -> None:
        self.tell(START)
        for kind, pause in steps:
            self.wait(self.now + pause)
            self.tell(kind)
        if end:
            self.tell(COMPLETED)
        self.wait(self.now + 10)


@given(STEPS, FILTERS, INTERVALS)
def test_only_what_was_asked_for_is_told(
    steps: list[tuple[WebhookEvent, float]], wanted: frozenset[WebhookEvent], interval: float
) -> None:
    receiver = Receiver(wanted, interval)
    receiver.run(steps, end=True)
    assert {kind for kind, _, _ in receiver.sent} <= wanted


@given(STEPS, FILTERS, INTERVALS, st.booleans())
def test_output_and_logs_are_told_at_most_once_an_interval(
    steps: list[tuple[WebhookEvent, float]], wanted: frozenset[WebhookEvent], interval: float,
    end: bool,
) -> None:  # fmt: skip
    receiver = Receiver(wanted, interval)
    receiver.run(steps, end=end)
    times = [at for kind, at, _ in receiver.sent if kind in UPDATES]
    assert all(later >= earlier + interval for earlier, later in itertools.pairwise(times))


@given(STEPS, FILTERS, INTERVALS, st.booleans())
def test_nothing_that_was_asked_for_is_lost(
    steps: list[tuple[WebhookEvent, float]], wanted: frozenset[WebhookEvent], interval: float,
    end: bool,
) -> None:  # fmt: skip
    receiver = Receiver(wanted, interval)
    receiver.run(steps, end=end)
    kinds = [START, *(kind for kind, _ in steps), *([COMPLETED] if end else [])]
    places = [place for place, kind in enumerate(kinds, 1) if kind in wanted]
    last = places[-1] if places else 0
    assert max((happened for _, _, happened in receiver.sent), default=0) >= last


@given(STEPS, FILTERS, INTERVALS)
def test_start_and_completed_are_told_once_and_at_once(
    steps: list[tuple[WebhookEvent, float]], wanted: frozenset[WebhookEvent], interval: float
) -> None:
    receiver = Receiver(wanted, interval)
    receiver.run(steps, end=True)
    ended = sum(pause for _, pause in steps)
    at = {kind: [time for k, time, _ in receiver.sent if k is kind] for kind in WebhookEvent}
    assert at[START] == ([0.0] if START in wanted else [])
    assert at[COMPLETED] == ([pytest.approx(ended)] if COMPLETED in wanted else [])


@given(STEPS, st.sampled_from([OUTPUT, LOGS]), INTERVALS)
def test_nothing_is_told_after_the_end(
    steps: list[tuple[WebhookEvent, float]], late: WebhookEvent, interval: float
) -> None:
    receiver = Receiver(frozenset(WebhookEvent), interval)
    receiver.run(steps, end=True)
    told = list(receiver.sent)
    receiver.tell(late)
    receiver.tell(COMPLETED)
    receiver.wait(receiver.now + 10)
    assert receiver.sent == told
    assert told[-1][0] is COMPLETED


def test_a_burst_is_one_webhook_at_once_and_one_at_the_end_of_the_interval() -> None:
    receiver = Receiver(frozenset(WebhookEvent), 0.5)
    receiver.run([(OUTPUT, 0.0)] * 1000, end=False)
    assert receiver.sent == [(START, 0.0, 1), (OUTPUT, 0.0, 2), (OUTPUT, 0.5, 1001)]


def test_the_last_output_is_told_even_if_the_end_is_not() -> None:
    receiver = Receiver(frozenset({OUTPUT}), 0.5)
    receiver.run([(OUTPUT, 0.0), (OUTPUT, 0.1)], end=True)
    assert receiver.sent == [(OUTPUT, 0.0, 2), (OUTPUT, 0.5, 4)]


def test_what_comes_together_is_told_together() -> None:
    notifier = Notifier(Webhook(URL), 0.5)
    (due,) = notifier.told((LOGS, START, OUTPUT), 0.0)
    assert due is START
    (due,) = notifier.told((LOGS, OUTPUT), 0.0)
    assert due in UPDATES
    assert notifier.due is None
    assert notifier.told((LOGS, COMPLETED), 0.1) == (COMPLETED,)


def test_a_start_is_told_whatever_came_before_and_never_again() -> None:
    notifier = Notifier(Webhook(URL), 0.5)
    assert notifier.told((LOGS,), 0.0) == (LOGS,)
    assert notifier.told((START,), 0.1) == (START,)
    assert notifier.told((START,), 0.2) == ()


def test_what_is_over_at_once_has_a_start_and_an_end() -> None:
    assert Notifier(Webhook(URL)).told((OUTPUT, COMPLETED, START), 0.0) == (START, COMPLETED)
    without_end = Notifier(Webhook(URL, frozenset(UPDATES)))
    (due,) = without_end.told((OUTPUT, COMPLETED, START), 0.0)
    assert due is OUTPUT
    assert without_end.told((OUTPUT,), 1.0) == ()


def test_a_timer_that_fires_early_is_set_again() -> None:
    notifier = Notifier(Webhook(URL), 0.5)
    notifier.told([OUTPUT], 0.0)
    notifier.told([OUTPUT], 0.1)
    assert notifier.lapsed(0.4999) is None
    assert notifier.due == 0.5


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (Started(at=0.0), START),
        (Output(json=b"1"), OUTPUT),
        (Log(source="stderr", text="x"), LOGS),
        (Finished(at=0.0, status=Status.CANCELED), COMPLETED),
        (Metric(name="n", value=1), None),
    ],
)
def test_what_an_event_is_told_as(event: Event, kind: WebhookEvent | None) -> None:
    assert WebhookEvent.of(event) is kind


def test_the_filter_of_a_request() -> None:
    assert Webhook.parse(URL).events == frozenset(WebhookEvent)
    assert Webhook.parse(URL, []).events == frozenset()
    with pytest.raises(InvalidInput, match="'finished'") as refused:
        Webhook.parse(URL, ["start", "finished"])
    assert refused.value.hint == "write any of: start, output, logs, completed"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(JSON, max_size=4), st.booleans(), st.text(), st.dictionaries(st.text(), JSON))
def test_the_body_is_the_envelope(
    values: list[object], iterator: bool, logs: str, inputs: dict[str, object]
) -> None:
    begun = Prediction(id="p", input=inputs, iterator=iterator, created_at=1.0)
    outputs = [Output(json=json.dumps(value).encode()) for value in values]
    prediction = fold(begun, [Started(at=2.0), Log(source="stdout", text=logs), *outputs])
    assert json.loads(payload(prediction)) == render(prediction)


def test_half_of_a_surrogate_pair_has_a_body_too() -> None:
    prediction = fold(Prediction(id="p"), [Log(source="stdout", text="\udce4 ä")])
    assert json.loads(payload(prediction))["logs"] == "\udce4 ä"


def test_the_input_is_part_of_the_body() -> None:
    body = json.loads(payload(Prediction(id="p", input={"token": "**********"})))
    assert (body["input"], body["output"], body["status"]) == (
        {"token": "**********"}, None, "starting",
    )  # fmt: skip
