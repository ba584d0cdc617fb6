"""The end of a server: everything that it took on is delivered, and nothing stays behind."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable

import pytest

from tests.prediction.receiver import Answers, Receiver, replies
from tests.serving.conftest import Serve
from tests.serving.server import PATIENCE, Server, alive, children, ending, launch, read, until

Receivers = Callable[[Answers], Receiver]
TERM, INT, KILL = signal.SIGTERM, signal.SIGINT, signal.SIGKILL


def closing(server: Server) -> None:
    """Wait until the server has heard that it is to end."""
    until(lambda: any("ends when" in line for line in server.said))


def test_an_idle_server_ends_at_once_and_well(fresh: Serve) -> None:
    server = fresh("echo")
    (worker,) = server.workers
    with socket.create_connection(("127.0.0.1", server.port)):  # idle
        server.tell(TERM)
        assert server.end() == 0
    until(lambda: not alive(worker))


@pytest.mark.parametrize("name", ["sleep", "async_sleep"])
def test_what_is_underway_and_what_waits_is_delivered(
    fresh: Serve, receiver: Receiver, name: str
) -> None:
    server = fresh(name, COG_MAX_CONCURRENCY="1")
    told = {"webhook": receiver.url, "webhook_events_filter": ["completed"]}
    with server.waiting("runs", seconds=0.5) as client:
        server.logged("runs", "asleep")
        server.begin("waits", {"seconds": 0}, **told)
        server.tell(TERM)
        closing(server)
        assert read(client).json["output"] == "rested"
    assert server.end() == 0
    (body,) = receiver.bodies
    found = json.loads(body)
    assert (found["id"], found["status"], found["output"]) == ("waits", "succeeded", "rested")


def test_everything_of_every_kind_is_delivered(fresh: Serve, receiver: Receiver) -> None:
    """One that is waited for, one that streams, one that is alone, one that has no slot yet."""
    server = fresh("async_stream", COG_MAX_CONCURRENCY="3")
    inputs = {"count": 20, "seconds": 0.02}
    told = {"webhook": receiver.url, "webhook_events_filter": ["completed"]}
    stream = server.events(**inputs)
    stream.next("output")
    with server.waiting("waited-for", **inputs) as client:
        server.until("waited-for", "processing")
        server.begin("alone", inputs, **told)
        server.begin("queued", inputs, **told)
        server.tell(TERM)
        last = stream.rest()[-1].data
        assert (last["status"], len(last["output"])) == ("succeeded", 20)
        assert read(client).json["output"] == last["output"]
    assert server.end() == 0
    bodies = [json.loads(body) for body in receiver.bodies]
    assert sorted(body["id"] for body in bodies) == ["alone", "queued"]
    assert all(body["output"] == last["output"] for body in bodies)


def test_a_large_answer_to_a_slow_reader_leaves_whole(fresh: Serve) -> None:
    server = fresh("echo")
    text = "0123456789" * 1024 * 1024
    body = json.dumps({"input": {"text": text}}).encode()
    head = (
        f"POST /predictions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    with server.raw(head.encode() + body) as client:
        first = client.recv(1)  # it has begun to come
        server.tell(TERM)
        closing(server)
        found = first + b"".join(iter(lambda: client.recv(65536), b""))
    assert found.endswith(b'"status":"succeeded"}')
    assert len(found) > len(text)
    assert server.end() == 0


def test_a_slow_reader_of_a_stream_gets_all_of_it(fresh: Serve) -> None:
    server = fresh("flood")
    stream = server.stream("POST", "/predictions", {"id": "s", "input": {"count": 100_000}})
    stream.next("output")
    server.ended("s")
    server.tell(TERM)
    closing(server)
    last = stream.rest()[-1]
    assert (last.name, len(last.data["output"])) == ("completed", 100_000)
    assert server.end() == 0


def test_new_predictions_are_refused_meanwhile(fresh: Serve) -> None:
    server = fresh("async_sleep")
    server.begin("runs", {"seconds": 3600})
    server.logged("runs", "asleep")
    server.tell(TERM)
    closing(server)
    until(lambda: server.get("/readyz").status == 503)
    answer = server.post("/predictions", {"input": {}})
    assert (answer.status, answer.json["error"]) == (503, "The server is shutting down")
    assert server.get("/livez").status == 200
    assert server.state("runs")["status"] == "processing"
    assert server.cancel("runs") == 200
    assert server.end() == 0


@pytest.mark.parametrize("name", ["sleep", "async_sleep"])
def test_beyond_the_limit_what_runs_is_canceled_and_told(
    fresh: Serve, receiver: Receiver, name: str
) -> None:
    server = fresh(name, COGSMITH_DRAIN="0.3")
    server.begin("runs", {"seconds": 3600}, webhook=receiver.url)
    server.logged("runs", "asleep")
    server.tell(TERM)
    assert server.end() == 0
    last = json.loads(receiver.bodies[-1])
    assert (last["status"], last["logs"]) == ("canceled", "asleep\nwoken\n")


def test_a_second_signal_does_not_wait(fresh: Serve, receiver: Receiver) -> None:
    server = fresh("async_sleep", COGSMITH_DRAIN="3600")
    with server.waiting("runs", seconds=3600) as client:
        server.logged("runs", "asleep")
        server.begin("alone", {"seconds": 3600}, webhook=receiver.url)
        server.tell(TERM)
        closing(server)
        server.tell(TERM)
        assert read(client).json["status"] == "canceled"
    assert server.end() == 0
    assert b'"status":"canceled"' in receiver.bodies[-1]


def test_a_second_signal_does_not_wait_for_one_that_hangs_either(
    fresh: Serve, receiver: Receiver
) -> None:
    server = fresh("hang", COGSMITH_DRAIN="3600", COGSMITH_CANCEL_GRACE="3600")
    (worker,) = server.workers
    with server.waiting("runs", gil=True) as client:
        server.logged("runs", "hanging")
        server.begin("waits", {}, webhook=receiver.url)
        server.tell(TERM)
        closing(server)
        server.tell(TERM)
        assert read(client).json["status"] in ("canceled", "failed")
    assert server.end() == 0
    assert not alive(worker)
    assert b'"status":"canceled"' in receiver.bodies[-1]


def test_one_that_hangs_at_the_end_is_told_too(fresh: Serve, receiver: Receiver) -> None:
    server = fresh("hang", COGSMITH_DRAIN="0.3", COGSMITH_CANCEL_GRACE="3600")
    server.begin("runs", {}, webhook=receiver.url, webhook_events_filter=["completed"])
    server.logged("runs", "hanging")
    server.tell(TERM)
    assert server.end() == 0
    assert json.loads(receiver.bodies[-1])["status"] in ("canceled", "failed")


def test_a_receiver_that_is_down_is_tried_until_the_end(fresh: Serve, receivers: Receivers) -> None:
    receiver = receivers(replies(503, 503, 503, 200))
    server = fresh("echo")
    server.begin("w", {}, webhook=receiver.url, webhook_events_filter=["completed"])
    until(lambda: receiver.seen)
    server.tell(TERM)
    assert server.end() == 0
    assert len(receiver.seen) == 4


def test_a_signal_during_setup_ends_the_server_as_it_says(fresh: Serve) -> None:
    for number in (TERM, INT):
        server = fresh("never_set_up", HOW="hang", wait=False)
        until(lambda: "loading" in server.health()["setup"]["logs"])  # noqa: B023
        (worker,) = server.workers
        server.tell(number)
        assert server.end() == -number
        until(lambda: not alive(worker))  # noqa: B023


def test_a_signal_before_it_listens_leaves_nothing_behind() -> None:
    with launch("never_set_up", HOW="hang") as process, ending(process):
        (worker,) = until(lambda: children(process.pid))
        process.send_signal(TERM)
        assert process.wait(PATIENCE) == -TERM
        until(lambda: not alive(worker))


def test_a_signal_after_a_failed_setup_ends_the_server(fresh: Serve) -> None:
    server = fresh("never_set_up", HOW="raise", wait=False)
    server.is_("SETUP_FAILED")
    server.tell(TERM)
    assert server.end() == 0


def test_a_signal_while_a_worker_is_started_again_ends_the_server(fresh: Serve) -> None:
    server = fresh("pid")
    os.kill(server.workers[0], KILL)
    server.tell(TERM)
    assert server.end() == 0


def test_ctrl_c_ends_it_as_ctrl_c(fresh: Serve) -> None:
    server = fresh("async_stream")
    stream = server.events(count=10, seconds=0.02)
    stream.next("output")
    server.tell(INT)
    assert stream.rest()[-1].data["status"] == "succeeded"
    assert server.end() == -INT


def test_shutdown_is_asked_for_over_http(fresh: Serve) -> None:
    server = fresh("echo")
    answer = server.post("/shutdown")
    assert (answer.status, answer.body) == (200, b"{}")
    assert server.end() == 0


def test_shutdown_waits_for_what_is_underway(fresh: Serve) -> None:
    server = fresh("async_sleep")
    with server.waiting("runs", seconds=0.5) as client:
        server.logged("runs", "asleep")
        assert server.post("/shutdown").status == 200
        assert read(client).json["output"] == "rested"
    assert server.end() == 0


def test_no_page_of_another_site_ends_the_server(serve: Serve) -> None:
    server = serve("echo")
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        assert server.post("/shutdown", origin=origin).status == 403
    assert server.predict(text="here")["output"] == "here"


def test_only_a_request_ends_one_that_waits_for_it(fresh: Serve) -> None:
    server = fresh("echo", "--await-explicit-shutdown")
    server.tell(TERM)
    until(lambda: any("SIGTERM" in line for line in server.said))
    assert server.predict(text="here")["output"] == "here"
    assert server.post("/shutdown").status == 200
    assert server.end() == 0


@pytest.mark.parametrize("name", ["sleep", "async_sleep", "hang"])
def test_when_the_server_is_killed_its_worker_ends(fresh: Serve, name: str) -> None:
    server = fresh(name)
    (worker,) = server.workers
    server.begin("runs", {} if name == "hang" else {"seconds": 3600})
    server.logged("runs", "hanging" if name == "hang" else "asleep")
    server.tell(KILL)
    assert server.end() == -KILL
    until(lambda: not alive(worker))


def test_a_port_that_is_taken_ends_it_with_words(fresh: Serve) -> None:
    server = fresh("echo")
    with pytest.raises(AssertionError, match="cannot listen at"):
        fresh("echo", "--port", str(server.port))
