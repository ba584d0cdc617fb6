"""The fold over events: its laws, and Cog's envelope at its end."""

from __future__ import annotations

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from cogsmith.prediction import (
    Event,
    Finished,
    Log,
    Metric,
    Output,
    Prediction,
    Started,
    Status,
    advance,
    fold,
    record,
    render,
)  # fmt: skip

NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(".".join)
VALUES = st.one_of(st.integers(-5, 5), st.text("xy", max_size=2), st.booleans())
TERMINAL = st.sampled_from([status for status in Status if status.terminal])
METRICS = st.builds(
    Metric, name=NAMES, value=st.one_of(st.none(), VALUES), mode=st.just("replace")
) | st.builds(Metric, name=NAMES, value=st.integers(-5, 5), mode=st.just("increment"))
FINISHED = st.builds(Finished, at=st.floats(1, 9), status=TERMINAL, error=st.text(max_size=3))
EVENTS = st.lists(
    st.one_of(
        st.builds(Started, at=st.floats(1, 9)),
        st.builds(Log, source=st.sampled_from(["stdout", "stderr"]), text=st.text(max_size=5)),
        st.builds(Output, json=st.just(b'"x"'), index=st.just(0)),
        METRICS,
        FINISHED,
    ),
    max_size=20,
)
BEGUN = Prediction(id="p", iterator=True, created_at=0.0)


@given(EVENTS)
def test_folding_is_advancing_step_by_step(events: list[Event]) -> None:
    assert fold(BEGUN, events) == reduce(advance, events, BEGUN)


@given(EVENTS, EVENTS, FINISHED)
def test_a_terminal_state_is_never_left(
    before: list[Event], after: list[Event], end: Finished
) -> None:
    ended = fold(BEGUN, [*before, end])
    assert ended.status.terminal
    assert fold(ended, after) is ended


@given(EVENTS)
def test_logs_and_outputs_keep_their_order(events: list[Event]) -> None:
    ends = [n for n, event in enumerate(events) if isinstance(event, Finished)]
    counted = events[: ends[0]] if ends else events
    prediction = fold(BEGUN, events)
    assert prediction.logs == "".join(e.text for e in counted if isinstance(e, Log))
    outputs = [e.value for e in counted if isinstance(e, Output)]
    assert prediction.output == (outputs or None)


@given(st.lists(METRICS, max_size=10), METRICS)
def test_a_metric_is_there_after_it_was_recorded(history: list[Metric], last: Metric) -> None:
    before: dict[str, object] = {}
    for metric in history:
        before = record(before, metric)
    kept = repr(before)
    after = record(before, last)
    assert repr(before) == kept
    found: object = after
    for name in last.name.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if last.value is None:
        assert found is None
    elif last.mode == "replace":
        assert found == last.value


@given(st.lists(st.integers(-9, 9), min_size=1))
def test_increments_add_up_and_appends_line_up(numbers: list[int]) -> None:
    metrics: dict[str, object] = {}
    for number in numbers:
        metrics = record(metrics, Metric(name="n.sum", value=number, mode="increment"))
        metrics = record(metrics, Metric(name="n.all", value=number, mode="append"))
    assert metrics == {"n": {"sum": sum(numbers), "all": numbers}}


def test_deleting_the_last_of_a_group_deletes_the_group() -> None:
    metrics = record({"a": {"b": 1}, "c": 2}, Metric(name="a.b", value=None))
    assert metrics == {"c": 2}
    assert record(metrics, Metric(name="never.was", value=None)) == {"c": 2}


def test_appending_to_one_value_makes_a_list_of_both() -> None:
    assert record({"a": 1}, Metric(name="a", value=2, mode="append")) == {"a": [1, 2]}


def test_the_runtime_has_the_last_word_on_predict_time() -> None:
    events = [
        Metric(name="predict_time", value=99),
        Finished(at=2.0, status=Status.SUCCEEDED, predict_time=0.5),
    ]
    assert fold(BEGUN, events).metrics == {"predict_time": 0.5}


def test_the_envelope_of_a_stream() -> None:
    prediction = fold(
        Prediction(id="p1", input={"n": 2}, iterator=True, created_at=1735689600.0),
        [
            Started(at=1735689600.25),
            Log(source="stdout", text="hello\n"),
            Output(json=b'"a"', index=0),
            Output(json=b'"b"', index=1),
            Metric(name="timing.load", value=0.1),
            Finished(at=1735689601.5, status=Status.SUCCEEDED, predict_time=1.25),
        ],
    )
    assert render(prediction) == {
        "id": "p1",
        "input": {"n": 2},
        "output": ["a", "b"],
        "logs": "hello\n",
        "status": "succeeded",
        "metrics": {"timing": {"load": 0.1}, "predict_time": 1.25},
        "created_at": "2025-01-01T00:00:00.000000+00:00",
        "started_at": "2025-01-01T00:00:00.250000+00:00",
        "completed_at": "2025-01-01T00:00:01.500000+00:00",
    }


def test_the_envelope_of_one_that_waits_and_of_one_that_failed() -> None:
    assert render(Prediction(id="p2")) == {
        "id": "p2", "input": {}, "output": None, "logs": "", "status": "starting", "metrics": {},
    }  # fmt: skip
    failed = advance(Prediction(id="p3"), Finished(at=0.0, status=Status.FAILED, error="no"))
    told = render(failed)
    assert (told["status"], told["error"], told["output"]) == ("failed", "no", None)


def test_one_whole_value() -> None:
    prediction = advance(Prediction(id="p"), Output(json=b'{"a":[1]}', files=("file:///x",)))
    assert (prediction.output, prediction.files) == ({"a": [1]}, ("file:///x",))
