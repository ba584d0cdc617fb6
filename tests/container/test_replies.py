"""A server's answers, as the events that a local worker would give."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cogsmith.container.replies import events_of_reply, events_of_stream, refusal
from cogsmith.errors import InvalidInput, PredictionError
from cogsmith.prediction import Finished, Log, Metric, Output, Prediction, Status, fold

STREAM = b"""\
: keep-alive

event: start
data: {"id":"a","status":"processing"}

event: log
data: {"data":"loading\\n","source":"stderr"}

event: output
data: {"chunk":"one","index":0}

event: metric
data: {"name":"tokens","value":3,"mode":"increment"}

event: output
data: {"chunk":"two","index":1}

event: completed
data: {"status":"succeeded","metrics":{"predict_time":0.5},"output":["one","two"]}

event: output
data: {"chunk":"never","index":2}

"""


def reply(**told: Any) -> list[Any]:
    return list(events_of_reply(told, iterator=True, at=1.0))


def test_a_stream() -> None:
    assert list(events_of_stream(STREAM.splitlines(keepends=True), at=1.0)) == [
        Log(source="stderr", text="loading\n"),
        Output(json=b'"one"', index=0),
        Metric(name="tokens", value=3, mode="increment"),
        Output(json=b'"two"', index=1),
        Finished(at=1.0, status=Status.SUCCEEDED, predict_time=0.5),
    ]


def test_a_reply_is_the_same_prediction_as_its_events() -> None:
    told = {
        "status": "succeeded", "output": ["a", "b"], "logs": "x\n",
        "metrics": {"predict_time": 2.0, "tokens": 3},
    }  # fmt: skip
    found = fold(Prediction(id="1", iterator=True), reply(**told))
    assert (found.output, found.logs, found.metrics) == (["a", "b"], "x\n", told["metrics"])
    assert found.status is Status.SUCCEEDED


def test_a_failed_reply() -> None:
    (end,) = reply(status="failed", error="the well is dry", output=None)
    assert (end.status, end.error) == (Status.FAILED, "the well is dry")


def test_a_status_that_nobody_knows_has_failed() -> None:
    (end,) = reply(status="sleeping")
    assert (end.status, end.error) == (Status.FAILED, "the server says 'sleeping'")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'event: output\ndata: {"chunk":1}\n\n', "ended before the prediction did"),
        (b'event: error\ndata: {"error":"SSE stream replay truncated"}\n\n', "truncated"),
    ],
)
def test_a_stream_that_breaks_off(text: bytes, message: str) -> None:
    with pytest.raises(PredictionError, match=message):
        list(events_of_stream(text.splitlines(keepends=True), at=1.0))


def test_refused_inputs_are_told_one_by_one() -> None:
    detail = [
        {"loc": ["body", "input", "count"], "msg": "must be at least 1", "type": "value_error"},
        {"loc": ["body", "input", "name"], "msg": "field required", "type": "missing"},
    ]
    error = refusal(422, "Unprocessable Entity", json.dumps({"detail": detail}).encode())
    assert isinstance(error, InvalidInput)
    assert [problem.message for problem in error.problems] == [
        'invalid input "count": must be at least 1',
        'invalid input "name": field required',
    ]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (409, b'{"error":"At capacity","status":"failed"}', "409: At capacity"),
        (404, b'{"detail":"Not Found"}', "404: Not Found"),
        (500, b"Internal Server Error", "500: Internal Server Error"),
        (502, b"", "502: reason"),
    ],
)
def test_other_refusals_in_the_server_s_words(status: int, body: bytes, words: str) -> None:
    assert str(refusal(status, "reason", body)) == f"the model's server answers {words}"
