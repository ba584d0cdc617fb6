"""Webhooks of a real server at a real receiver."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.prediction.receiver import OK, Answers, Receiver, Reply, free_port, replies, serving
from tests.serving.conftest import Serve
from tests.serving.server import until

Receivers = Callable[[Answers], Receiver]
NONE: Sequence[str] = ()


def told(receiver: Receiver) -> list[Any]:
    return [json.loads(body) for body in receiver.bodies]


def statuses(receiver: Receiver) -> list[str]:
    return [body["status"] for body in told(receiver)]


def ended(receiver: Receiver) -> list[Any]:
    """Wait for the last webhook; answers all."""
    until(lambda: receiver.seen and told(receiver)[-1].get("completed_at"))
    return told(receiver)


def test_a_receiver_hears_of_start_and_end(serve: Serve, receiver: Receiver) -> None:
    server = serve("echo")
    reply = server.post(
        "/predictions", {"id": "w", "input": {"text": "hi"}, "webhook": receiver.url}
    )
    first, last = ended(receiver)
    assert (first["status"], first["output"], "completed_at" in first) == (
        "processing",
        None,
        False,
    )
    assert (last["status"], last["output"], last["id"]) == ("succeeded", "hi", "w")
    assert last["input"] == {"text": "hi"}
    assert last["metrics"] == reply.json["metrics"]
    assert last["created_at"] <= last["started_at"] <= last["completed_at"]
    assert {seen.method for seen in receiver.seen} == {"POST"}
    assert {seen.headers["content-type"] for seen in receiver.seen} == {"application/json"}


def test_what_is_said_and_printed_meanwhile_is_told_in_order(
    serve: Serve, receiver: Receiver
) -> None:
    serve("narrated").begin("w", {"count": 3, "seconds": 0.7}, webhook=receiver.url)
    bodies = ended(receiver)
    lengths = [len(body["output"] or []) for body in bodies]
    assert [body["status"] for body in bodies] == ["processing"] * (len(bodies) - 1) + ["succeeded"]
    assert lengths == sorted(lengths)
    assert lengths[-1] == 3
    assert bodies[-1]["output"][: lengths[1]] == (bodies[1]["output"] or [])
    assert bodies[-1]["logs"] == "making 0\nmaking 1\nmaking 2\n"


def test_many_outputs_are_few_webhooks(serve: Serve, receiver: Receiver) -> None:
    """Cog sends all output so far on every yield, which is quadratic."""
    serve("narrated").begin("w", {"count": 200}, webhook=receiver.url)
    bodies = ended(receiver)
    assert len(bodies[-1]["output"]) == 200
    assert len(bodies) < 20


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (["completed"], ["succeeded"]),
        (["start"], ["processing"]),
        (["start", "completed"], ["processing", "succeeded"]),
    ],
)
def test_a_receiver_hears_only_what_it_wants(
    serve: Serve, receiver: Receiver, chosen: list[str], expected: list[str]
) -> None:
    server = serve("echo")
    for _ in range(5):  # however fast it is
        receiver.seen.clear()
        body = {"input": {}, "webhook": receiver.url, "webhook_events_filter": chosen}
        server.post("/predictions", body)
        until(lambda: len(receiver.seen) == len(expected))
        assert statuses(receiver) == expected


@pytest.mark.parametrize("name", ["echo", "async_echo"])
def test_an_output_is_told_also_to_those_who_do_not_want_the_end(
    serve: Serve, receiver: Receiver, name: str
) -> None:
    body = {"input": {"text": "x"}, "webhook": receiver.url, "webhook_events_filter": ["output"]}
    serve(name).post("/predictions", body)
    until(lambda: receiver.seen)
    assert told(receiver)[0]["output"] == "x"


def test_every_start_is_told_however_many_there_are_at_once(
    serve: Serve, receiver: Receiver
) -> None:
    server = serve("async_echo")
    for number in range(100):
        wanted = {"webhook": receiver.url, "webhook_events_filter": ["start", "completed"]}
        server.begin(str(number), {}, **wanted)
    until(lambda: len(receiver.seen) >= 200)
    assert sorted(statuses(receiver)) == ["processing"] * 100 + ["succeeded"] * 100


def test_an_unknown_event_is_refused(serve: Serve, receiver: Receiver) -> None:
    body = {"input": {}, "webhook": receiver.url, "webhook_events_filter": ["finish"]}
    answer = serve("echo").post("/predictions", body)
    assert (answer.status, b"unknown variant `finish`" in answer.body) == (422, True)


def test_a_failure_is_told(serve: Serve, receiver: Receiver) -> None:
    serve("fail").begin("w", {"words": "boom"}, webhook=receiver.url)
    last = ended(receiver)[-1]
    assert (last["status"], last["error"].endswith("boom")) == ("failed", True)


def test_the_end_is_told_again_until_the_receiver_takes_it(
    serve: Serve, receivers: Receivers
) -> None:
    receiver = receivers(replies(503, 500, 429, 200))
    serve("echo").begin("w", {}, webhook=receiver.url, webhook_events_filter=["completed"])
    until(lambda: len(receiver.seen) == 4)
    assert len(set(receiver.bodies)) == 1


@pytest.mark.parametrize("status", [400, 302, 404])
def test_a_refusal_is_final(serve: Serve, receivers: Receivers, status: int) -> None:
    receiver = receivers(replies(status))
    server = serve("echo")
    server.begin("w", {}, webhook=receiver.url, webhook_events_filter=["completed"])
    until(lambda: receiver.seen)
    other = receivers(lambda _seen, _number: OK)
    server.begin("x", {}, webhook=other.url)
    ended(other)
    assert len(receiver.seen) == 1


def test_a_receiver_that_comes_up_late_hears_of_the_end(serve: Serve) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/hook"
    server = serve("echo")
    for name in ("w", "x"):
        server.begin(name, {}, webhook=url, webhook_events_filter=["completed"])
        server.ended(name)
    receiver = Receiver()
    with serving(receiver, port):
        until(lambda: len(receiver.seen) == 2)
    assert sorted(body["id"] for body in told(receiver)) == ["w", "x"]
    assert statuses(receiver) == ["succeeded"] * 2


@pytest.mark.parametrize("url", ["no url", "ftp://127.0.0.1/x", "http://", "http://127.0.0.1:1/"])
def test_a_webhook_that_cannot_be_sent_changes_nothing(serve: Serve, url: str) -> None:
    answer = serve("echo").post("/predictions", {"input": {"text": "hi"}, "webhook": url})
    assert (answer.status, answer.json["output"]) == (200, "hi")


def test_a_receiver_that_answers_slowly_holds_up_nobody(serve: Serve, receivers: Receivers) -> None:
    released: list[bool] = []

    def slow(_seen: object, _number: int) -> Reply:
        until(lambda: released)
        return OK

    receiver = receivers(slow)
    server = serve("echo")
    server.begin("w", {}, webhook=receiver.url)
    assert server.predict(text="hi")["output"] == "hi"
    released.append(True)
    assert [body["status"] for body in ended(receiver)][-1] == "succeeded"


def test_secrets_are_stars_for_receivers_and_readers(serve: Serve, receiver: Receiver) -> None:
    server = serve("secret")
    server.begin("w", {"token": "hush-hush"}, webhook=receiver.url)
    last = ended(receiver)[-1]
    assert (last["output"], last["logs"]) == ("9 characters", "********** Secret(**********)\n")
    assert last["input"]["token"] == "**********"
    assert not any(b"hush" in body for body in receiver.bodies)
    assert b"hush" not in server.get("/predictions/w").body
    assert not any("hush" in line for line in server.said)


def test_the_token_and_the_trace_go_along(fresh: Serve, receiver: Receiver) -> None:
    server = fresh("echo", WEBHOOK_AUTH_TOKEN="sesame")
    trace = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "rojo=1",
    }
    server.post("/predictions", {"input": {}, "webhook": receiver.url}, **trace)
    ended(receiver)
    for seen in receiver.seen:
        assert seen.headers["authorization"] == "Bearer sesame"
        assert {name: seen.headers[name] for name in trace} == trace


def test_a_long_stream_is_told_at_the_interval_that_was_chosen(
    fresh: Serve, receiver: Receiver
) -> None:
    server = fresh("narrated", COG_THROTTLE_RESPONSE_INTERVAL="3600")
    server.begin("w", {"count": 50, "seconds": 0.01}, webhook=receiver.url)
    bodies = ended(receiver)
    assert [body["status"] for body in bodies] == ["processing", "processing", "succeeded"]
    assert len(bodies[-1]["output"]) == 50
