"""Taking predictions back: by asking, or by leaving."""

from __future__ import annotations

import pytest

from tests.prediction.receiver import Receiver
from tests.serving.conftest import Serve
from tests.serving.server import read, until

SLEEPERS = ["sleep", "async_sleep"]
ENDLESS = ["endless", "async_endless"]


@pytest.mark.parametrize("name", SLEEPERS)
def test_a_cancel_reaches_the_predictor_and_the_client_that_waits(serve: Serve, name: str) -> None:
    server = serve(name)
    with server.waiting("p", seconds=3600) as client:
        server.logged("p", "asleep")
        assert (server.cancel("p"), server.post("/predictions/p/cancel").body) == (200, b"{}")
        answer = read(client)
    reply = answer.json
    assert (answer.status, reply["status"], "error" in reply) == (200, "canceled", False)
    assert reply["logs"] == "asleep\nwoken\n"
    assert "output" not in reply
    assert server.predict(seconds=0)["output"] == "rested"


@pytest.mark.parametrize("name", SLEEPERS)
def test_what_has_ended_cannot_be_canceled(serve: Serve, name: str) -> None:
    server = serve(name)
    server.post("/predictions", {"id": "over", "input": {"seconds": 0}})
    assert server.cancel("over") == 404


@pytest.mark.parametrize("name", ENDLESS)
def test_a_canceled_stream_ends_with_what_it_has_said(serve: Serve, name: str) -> None:
    server = serve(name)
    stream = server.stream("POST", "/predictions", {"id": "s", "input": {}})
    stream.next("output")
    assert server.cancel("s") == 200
    last = stream.rest()[-1].data
    assert (last["status"], last["output"][0]) == ("canceled", 0)
    assert last["logs"] == "woken\n"


@pytest.mark.parametrize("name", SLEEPERS)
def test_canceled_again_and_again_is_canceled_once(
    serve: Serve, name: str, receiver: Receiver
) -> None:
    server = serve(name)
    server.begin("p", {"seconds": 3600}, webhook=receiver.url, webhook_events_filter=["completed"])
    server.logged("p", "asleep")
    assert {server.cancel("p") for _ in range(5)} <= {200, 404}
    state = server.ended("p")
    assert (state["status"], state["logs"]) == ("canceled", "asleep\nwoken\n")
    until(lambda: receiver.seen)
    assert b'"status":"canceled"' in receiver.bodies[0]
    assert len(receiver.seen) == 1


def test_one_that_waits_for_its_turn_is_canceled_at_once(serve: Serve) -> None:
    server = serve("sleep")
    server.begin("first", {"seconds": 3600})
    with server.waiting("second", seconds=3600) as client:
        server.until("second", "starting")
        assert server.cancel("second") == 200
        reply = read(client).json
    assert (reply["status"], reply["logs"]) == ("canceled", "")
    assert server.state("first")["status"] == "processing"
    server.cancel("first")
    assert server.ended("first")["status"] == "canceled"


def test_a_stubborn_predictor_gives_its_output_after_all(serve: Serve) -> None:
    server = serve("sleep")
    server.begin("p", {"seconds": 3600, "stubborn": True})
    server.logged("p", "asleep")
    server.cancel("p")
    state = server.ended("p")
    assert (state["status"], state["output"]) == ("succeeded", "rested")


def test_one_that_hangs_in_c_is_canceled_with_its_worker(fresh: Serve, receiver: Receiver) -> None:
    server = fresh("hang", COGSMITH_CANCEL_GRACE="0.3")
    for gil in (False, True):
        name = f"hung-{gil}"
        server.begin(name, {"gil": gil}, webhook=receiver.url, webhook_events_filter=["completed"])
        server.logged(name, "hanging")
        assert server.cancel(name) == 200
        assert server.ended(name)["status"] == "canceled"
        assert server.predict(hang=False)["output"] == "came back"
    until(lambda: len(receiver.seen) == 2)
    assert all(b'"status":"canceled"' in body for body in receiver.bodies)


@pytest.mark.parametrize("name", SLEEPERS)
def test_one_that_takes_too_long_fails_with_words(fresh: Serve, name: str) -> None:
    server = fresh(name, COGSMITH_PREDICT_TIMEOUT="0.3")
    reply = server.predict(seconds=3600)
    assert (reply["status"], reply["logs"]) == ("failed", "asleep\nwoken\n")
    assert reply["error"] == "predict() took longer than 0.3 seconds"
    assert server.predict(seconds=0)["output"] == "rested"


def test_one_that_hangs_too_long_fails_with_the_same_words(fresh: Serve) -> None:
    server = fresh("hang", COGSMITH_PREDICT_TIMEOUT="0.3", COGSMITH_CANCEL_GRACE="0.3")
    reply = server.predict()
    assert (reply["status"], reply["error"]) == (
        "failed", "predict() took longer than 0.3 seconds",
    )  # fmt: skip
    assert server.predict(hang=False)["output"] == "came back"


# --- clients that leave


@pytest.mark.parametrize("name", SLEEPERS)
def test_when_the_client_leaves_the_predictor_hears_of_it(serve: Serve, name: str) -> None:
    server = serve(name)
    with server.waiting("left", seconds=3600):
        server.logged("left", "asleep")
    state = server.ended("left")
    assert (state["status"], state["logs"]) == ("canceled", "asleep\nwoken\n")


@pytest.mark.parametrize("name", ENDLESS)
def test_a_stream_is_canceled_when_its_last_reader_leaves(serve: Serve, name: str) -> None:
    server = serve(name)
    body = {"input": {}}
    readers = [server.stream("PUT", "/predictions/two", body) for _ in range(2)]
    for reader in readers:
        reader.next("output")
    readers[0].leave()
    for _ in range(3):
        readers[1].next("output")
    assert server.state("two")["status"] == "processing"
    readers[1].leave()
    state = server.ended("two")
    assert (state["status"], state["logs"]) == ("canceled", "woken\n")


def test_a_client_that_leaves_the_queue_is_never_served(serve: Serve) -> None:
    server = serve("sleep")
    server.begin("first", {"seconds": 3600})
    server.logged("first", "asleep")
    with server.waiting("second", seconds=3600):
        server.until("second", "starting")
    state = server.ended("second")
    assert (state["status"], state["logs"], "started_at" in state) == ("canceled", "", False)
    server.cancel("first")
    server.ended("first")


def test_a_prediction_that_nobody_waits_for_goes_on(serve: Serve) -> None:
    server = serve("endless")
    server.begin("alone", {})
    reader = server.stream("PUT", "/predictions/alone", {"input": {}})
    reader.next("output")
    reader.leave()
    seen = len(server.state("alone")["output"])
    until(lambda: len(server.state("alone")["output"]) > seen + 5)
    assert server.cancel("alone") == 200
    assert server.ended("alone")["status"] == "canceled"
