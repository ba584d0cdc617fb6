"""Slots, and those who wait for one."""

from __future__ import annotations

import pytest

from tests.serving.conftest import Serve
from tests.serving.server import read, until


def test_as_many_run_at_once_as_there_are_slots(fresh: Serve) -> None:
    server = fresh("async_sleep", COG_MAX_CONCURRENCY="2")
    for name in ("a", "b", "c"):
        server.begin(name, {"seconds": 3600})
    server.logged("a", "asleep")
    server.logged("b", "asleep")
    assert server.state("c")["status"] == "starting"
    assert server.health()["status"] == "BUSY"
    server.cancel("a")
    server.logged("c", "asleep")


def test_the_queue_is_served_in_the_order_of_coming(fresh: Serve) -> None:
    server = fresh("pid")
    server.begin("0", {"seconds": 0.3})
    for number in range(1, 6):
        server.begin(str(number), {})
    states = [server.ended(str(number)) for number in range(6)]
    started = [state["started_at"] for state in states]
    assert started == sorted(started)
    assert {state["status"] for state in states} == {"succeeded"}


@pytest.mark.parametrize(("chosen", "status"), [("", 409), ("503", 503), ("429", 429)])
def test_beyond_the_queue_the_answer_is_honest(fresh: Serve, chosen: str, status: int) -> None:
    server = fresh("sleep", COGSMITH_QUEUE="1", COGSMITH_BUSY_STATUS=chosen)
    server.begin("runs", {"seconds": 3600})
    server.begin("waits", {"seconds": 3600})
    answer = server.post("/predictions", {"id": "too-many", "input": {}})
    assert (answer.status, answer.headers["retry-after"]) == (status, "1")
    assert answer.json == {
        "error": "At capacity - all prediction slots busy", "status": "failed",
    }  # fmt: skip
    assert server.get("/predictions/too-many").status == 404


def test_without_a_queue_it_is_as_in_cog(fresh: Serve) -> None:
    server = fresh("sleep", COGSMITH_QUEUE="0")
    server.begin("runs", {"seconds": 3600})
    answer = server.post("/predictions", {"input": {}})
    assert answer.status == 409
    server.cancel("runs")
    server.ended("runs")
    assert server.predict(seconds=0)["output"] == "rested"


def test_one_who_waits_too_long_is_told_to_come_again(fresh: Serve) -> None:
    server = fresh("sleep", COGSMITH_QUEUE_TIMEOUT="0.3")
    server.begin("runs", {"seconds": 3600})
    server.begin("later", {"seconds": 0})
    answer = server.post("/predictions", {"input": {}})
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.json == {
        "error": "no slot became free within 0.3 seconds", "status": "failed",
    }  # fmt: skip
    assert server.ended("later")["error"] == "no slot became free within 0.3 seconds"
    assert server.state("runs")["status"] == "processing"


def test_a_streams_reader_who_waits_too_long_is_told_so_in_the_stream(fresh: Serve) -> None:
    server = fresh("endless", COGSMITH_QUEUE_TIMEOUT="0.3")
    server.begin("runs", {})
    (last,) = server.events().rest()
    assert (last.name, last.data["status"]) == ("completed", "failed")
    assert last.data["error"] == "no slot became free within 0.3 seconds"


def test_several_workers_run_a_sync_predictor_at_once(fresh: Serve) -> None:
    server = fresh("sleep", COGSMITH_WORKERS="2")
    until(lambda: len(server.workers) == 2)
    for name in ("a", "b"):
        server.begin(name, {"seconds": 3600})
    for name in ("a", "b"):
        server.logged(name, "asleep")
    server.begin("c", {"seconds": 0})
    assert server.state("c")["status"] == "starting"
    server.cancel("b")
    assert server.ended("c")["output"] == "rested"


def test_several_workers_are_several_processes(fresh: Serve) -> None:
    server = fresh("pid", COGSMITH_WORKERS="2")
    until(lambda: len(server.workers) == 2)
    pids = set()

    def both() -> bool:
        with server.waiting("a", seconds=0.1) as one, server.waiting("b", seconds=0.1) as other:
            pids.update(read(client).json["output"] for client in (one, other))
        return len(pids) == 2

    until(both)
    assert pids == set(server.workers)


def test_a_sync_predictor_cannot_be_concurrent_in_one_process(fresh: Serve) -> None:
    with pytest.raises(AssertionError, match="requires an async run") as caught:
        fresh("sleep", COG_MAX_CONCURRENCY="2")
    assert "COGSMITH_WORKERS" in str(caught.value)
