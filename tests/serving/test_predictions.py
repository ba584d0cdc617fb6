"""Cog's contract, part one: a prediction that somebody waits for, or comes back for."""

from __future__ import annotations

import pytest

from tests.serving.conftest import Serve
from tests.serving.server import asked, read

# --- replies


def test_a_reply_is_compact_json_with_sorted_keys(serve: Serve) -> None:
    answer = serve("echo").post("/predictions", {"id": "a", "input": {"text": "hi"}})
    spent = answer.json["metrics"]["predict_time"]
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert (
        answer.body
        == (
            f'{{"id":"a","logs":"","metrics":{{"predict_time":{spent}}},'
            f'"output":"hi","status":"succeeded"}}'
        ).encode()
    )


def test_a_prediction_without_an_id_gets_one(serve: Serve) -> None:
    first, second = (serve("echo").predict(text="hi") for _ in range(2))
    assert first["id"].startswith("pred_")
    assert first["id"] != second["id"]


def test_an_iterators_output_is_a_list(serve: Serve) -> None:
    assert serve("stream").predict(count=3)["output"] == ["0 ", "1 ", "2 "]


def test_an_iterator_that_yields_nothing_gives_an_empty_list(serve: Serve) -> None:
    assert serve("stream").predict(count=0)["output"] == []


def test_an_async_iterators_output_is_a_list(serve: Serve) -> None:
    assert serve("async_stream").predict(count=2)["output"] == ["0 ", "1 "]


def test_text_survives_whatever_it_holds(serve: Serve) -> None:
    text = 'ä\u20ac\U0001f600\u2028\x00\n"\\</script>'
    assert serve("echo").predict(text=text)["output"] == text


def test_no_body_means_no_inputs(serve: Serve) -> None:
    assert serve("echo").ask("POST", "/predictions").json["output"] == ""


def test_a_failed_prediction_is_an_answer_with_its_logs_and_what_it_said(serve: Serve) -> None:
    answer = serve("fail").post("/predictions", {"input": {"words": "boom", "after": 2}})
    reply = answer.json
    assert (answer.status, reply["status"]) == (200, "failed")
    assert reply["error"].endswith("boom")
    assert (reply["output"], "about to fail" in reply["logs"]) == (["0", "1"], True)
    assert "predict_time" in reply["metrics"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"input": {"count": "three"}}, ["body", "input", "count"]),
        ({"input": {"count": 2, "seconds": []}}, ["body", "input", "seconds"]),
        ({"input": ["no object"]}, ["body", "input", "__root__"]),
    ],
)
def test_wrong_inputs_are_told_in_cogs_shape(serve: Serve, body: object, where: object) -> None:
    answer = serve("stream").post("/predictions", body)
    assert answer.status == 422
    (fault,) = answer.json["detail"]
    assert (fault["loc"], sorted(fault)) == (where, ["loc", "msg", "type"])


def test_a_missing_input_is_named(serve: Serve) -> None:
    answer = serve("secret").post("/predictions", {"input": {}})
    (fault,) = answer.json["detail"]
    assert (fault["loc"][-1], fault["msg"]) == ("token", "Field required")
    assert (fault["type"], answer.status) == ("value_error.missing", 422)


def test_what_is_no_json_is_400_and_what_says_it_is_none_415(serve: Serve) -> None:
    server = serve("echo")
    assert server.post("/predictions", b"{no").status == 400
    assert server.post("/predictions", b"", content_type="application/json").status == 400
    assert server.post("/predictions", b"<x/>", content_type="text/xml").status == 415


def test_unknown_inputs_and_fields_are_passed_over(serve: Serve) -> None:
    body = {"input": {"text": "hi", "other": 1}, "more": True}
    assert serve("echo").post("/predictions", body).json["output"] == "hi"


# --- later


def test_respond_async_is_accepted_and_can_be_asked_for(serve: Serve) -> None:
    server = serve("stream")
    answer = server.post(
        "/predictions", {"id": "later", "input": {"count": 2}}, prefer="respond-async"
    )
    assert (answer.status, answer.body) == (202, b'{"id":"later","status":"starting"}')
    state = server.ended("later")
    assert (state["status"], state["output"], state["input"]["count"]) == (
        "succeeded", ["0 ", "1 "], 2,
    )  # fmt: skip
    assert state["created_at"] <= state["started_at"] <= state["completed_at"]


def test_a_preference_among_others_counts(serve: Serve) -> None:
    answer = serve("echo").post("/predictions", {"input": {}}, prefer="respond-async, wait=10")
    assert answer.status == 202


def test_a_running_prediction_is_shown_as_far_as_it_is(fresh: Serve) -> None:
    server = fresh("stream")
    server.begin("p", {"count": 100000, "seconds": 0.001})
    state = server.until("p", "processing")
    assert "completed_at" not in state
    assert server.cancel("p") == 200


def test_what_is_not_known_is_404(serve: Serve) -> None:
    server = serve("echo")
    assert server.get("/predictions/nobody").status == 404
    assert server.cancel("nobody") == 404


# --- ids


def test_put_runs_a_prediction_of_that_id(serve: Serve) -> None:
    answer = serve("echo").put("/predictions/mine", {"input": {"text": "hi"}})
    assert (answer.status, answer.json["id"], answer.json["output"]) == (200, "mine", "hi")


def test_put_of_a_running_prediction_tells_its_state_and_starts_none(serve: Serve) -> None:
    server = serve("async_sleep")
    server.begin("twice", {"seconds": 60})
    server.logged("twice", "asleep")
    for prefer in ({}, {"prefer": "respond-async"}):
        again = server.put("/predictions/twice", {"input": {"seconds": 0}}, **prefer)
        state = again.json
        assert (again.status, state["status"], state["input"]) == (
            202, "processing", {"seconds": 60},
        )  # fmt: skip
        assert state["logs"] == "asleep\n"
    assert server.cancel("twice") == 200
    assert server.ended("twice")["status"] == "canceled"


def test_put_refuses_another_id_in_the_body(serve: Serve) -> None:
    answer = serve("echo").put("/predictions/a", {"id": "b", "input": {}})
    assert answer.status == 422
    assert answer.json["detail"] == [
        {
            "loc": ["body", "id"],
            "msg": "prediction ID must match the ID supplied in the URL",
            "type": "value_error",
        }
    ]


def test_post_of_a_running_id_is_a_conflict(serve: Serve) -> None:
    server = serve("async_sleep")
    server.begin("taken", {"seconds": 60})
    answer = server.post("/predictions", {"id": "taken", "input": {}})
    assert answer.status == 409
    assert "already running" in answer.json["error"]
    assert server.cancel("taken") == 200


def test_an_id_may_be_used_again_when_its_prediction_has_ended(serve: Serve) -> None:
    server = serve("echo")
    for text in ("one", "two"):
        body = {"id": "again", "input": {"text": text}}
        assert server.post("/predictions", body).json["output"] == text
        assert server.state("again")["output"] == text


# --- connections


def test_three_hundred_requests_one_after_the_other_meet_no_conflict(serve: Serve) -> None:
    """Cog frees the slot after its answer: 274 of 300 met a 409 there."""
    connection = serve("echo").connection()
    bodies = [{"input": {"text": str(number)}} for number in range(300)]
    answers = [asked(connection, "POST", "/predictions", body) for body in bodies]
    connection.close()
    assert {answer.status for answer in answers} == {200}
    assert [answer.json["output"] for answer in answers] == [str(n) for n in range(300)]


def test_what_is_not_there_is_404_and_another_method_405(serve: Serve) -> None:
    server = serve("echo")
    assert server.get("/nothing").status == 404
    found = server.ask("DELETE", "/predictions/a")
    assert (found.status, found.headers["allow"]) == (405, "GET, HEAD, PUT")


def test_ten_megabytes_go_in_and_come_out(serve: Serve) -> None:
    text = "0123456789" * 1024 * 1024
    assert serve("echo").predict(text=text)["output"] == text


def test_a_body_over_the_limit_is_refused(fresh: Serve) -> None:
    server = fresh("echo", COGSMITH_MAX_BODY="1m")
    answer = server.post("/predictions", {"input": {"text": "x" * 1024 * 1024}})
    assert (answer.status, b"longer than 1048576 bytes" in answer.body) == (413, True)
    assert server.predict(text="x" * 1000000)["output"] == "x" * 1000000


def test_a_waiting_client_gets_its_answer_when_others_come_and_go(serve: Serve) -> None:
    server = serve("async_sleep")
    with server.waiting("patient", seconds=0.2) as patient:
        server.logged("patient", "asleep")
        assert server.predict(seconds=0)["output"] == "rested"
        assert read(patient).json["output"] == "rested"
