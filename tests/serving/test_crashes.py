"""A worker that dies is an event: what ran fails with words, and the next prediction runs."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.prediction.receiver import Receiver
from tests.serving.conftest import Serve
from tests.serving.server import Server, alive, read, until


def noticed(server: Server) -> str:
    """Wait until the server has seen that its worker was killed; answers the setup log."""
    return until(lambda: "SIGKILL" in (logs := server.health()["setup"]["logs"]) and logs)


def test_sys_exit_is_an_error_like_others(serve: Serve) -> None:
    server = serve("exit")
    pids = server.workers
    reply = server.predict(code=3)
    assert (reply["status"], "SystemExit: 3" in reply["error"]) == ("failed", True)
    assert server.workers == pids


def test_os_exit_takes_the_worker_along_and_another_comes(serve: Serve) -> None:
    server = serve("exit")
    (pid,) = server.workers
    reply = server.predict(code=3, at_once=True)
    assert reply["status"] == "failed"
    assert reply["error"] == "Worker crashed: the process ended with exit code 3"
    assert "SystemExit" in server.predict()["error"]
    assert not alive(pid)


@pytest.mark.parametrize("how", ["SEGV", "KILL", "ABRT"])
def test_a_signal_fails_what_ran_and_nothing_else(serve: Serve, how: str) -> None:
    server = serve("crash")
    reply = server.predict(how=how, after=2)
    assert reply["error"] == f"Worker crashed: the process was killed by signal SIG{how}"
    assert (reply["status"], reply["output"]) == ("failed", ["0", "1"])
    assert reply["logs"].startswith("last words\n")
    server.is_("READY")


def test_the_next_one_waits_for_the_new_worker(fresh: Serve) -> None:
    server = fresh("pid")
    (pid,) = server.workers
    os.kill(pid, signal.SIGKILL)
    noticed(server)
    assert server.predict()["output"] != pid


def test_those_who_wait_live_through_a_crash(fresh: Serve) -> None:
    server = fresh("pid")
    (pid,) = server.workers
    server.begin("runs", {"seconds": 3600})
    with server.waiting("waits") as client:
        server.until("waits", "starting")
        os.kill(pid, signal.SIGKILL)
        assert read(client).json["output"] != pid
    assert server.state("runs")["error"].endswith("killed by signal SIGKILL")


def test_a_crash_fails_everything_that_the_worker_ran(fresh: Serve, receiver: Receiver) -> None:
    server = fresh("async_endless")
    streams = [server.events() for _ in range(3)]
    for stream in streams:
        stream.next("output")
    server.begin("alone", {}, webhook=receiver.url, webhook_events_filter=["completed"])
    server.until("alone", "processing")
    (pid,) = server.workers
    os.kill(pid, signal.SIGKILL)
    for stream in streams:
        last = stream.rest()[-1]
        assert (last.name, last.data["status"]) == ("completed", "failed")
        assert last.data["output"][0] == 0
        assert "Worker crashed" in last.data["error"]
    until(lambda: receiver.seen)
    assert b'"status":"failed"' in receiver.bodies[0]


def test_one_of_several_workers_dies_alone(fresh: Serve) -> None:
    server = fresh("pid", COGSMITH_WORKERS="2")
    for name in ("a", "b"):
        server.begin(name, {"seconds": 3600})
        server.until(name, "processing")
    first, second = server.workers
    os.kill(first, signal.SIGKILL)
    until(lambda: {"failed", "processing"} == {server.state(n)["status"] for n in ("a", "b")})
    assert server.health()["status"] in ("READY", "BUSY")
    assert server.predict()["output"] not in (first, second)


def test_health_tells_of_a_crash(fresh: Serve) -> None:
    server = fresh("pid")
    os.kill(server.workers[0], signal.SIGKILL)
    logs = noticed(server)
    assert "a worker was killed by signal SIGKILL\n" in logs
    server.is_("READY")
    until(lambda: server.get("/readyz").status == 200)
    assert any("SIGKILL; it is started again" in line for line in server.said)


def crashed(server: Server) -> None:
    server.predict(code=1, at_once=True)


def test_a_worker_that_dies_again_and_again_is_given_up(fresh: Serve) -> None:
    server = fresh("exit", COGSMITH_RESTARTS="2")
    for _ in range(2):
        crashed(server)
        server.is_("READY")
    server.post("/predictions", {"input": {"at_once": True}})
    health = server.is_("DEFUNCT")
    assert "died 3 times in a row: it is not started again" in health["setup"]["logs"]
    assert server.get("/livez").status == server.get("/readyz").status == 503
    answer = server.post("/predictions", {"input": {}})
    assert (answer.status, "3 times in a row" in answer.json["error"]) == (503, True)
    assert not server.workers


def test_those_who_wait_are_told_when_there_is_no_hope(fresh: Serve) -> None:
    server = fresh("pid", COGSMITH_RESTARTS="0")
    server.begin("runs", {"seconds": 3600})
    with server.waiting("waits") as client:
        server.until("waits", "starting")
        os.kill(server.workers[0], signal.SIGKILL)
        reply = read(client).json
    assert (reply["status"], "does not run" in reply["error"]) == ("failed", True)
    server.is_("DEFUNCT")


def test_without_a_queue_a_client_is_told_to_come_again_soon(fresh: Serve) -> None:
    server = fresh("pid", COGSMITH_QUEUE="0")
    os.kill(server.workers[0], signal.SIGKILL)
    statuses = set()

    def served() -> bool:
        answer = server.post("/predictions", {"input": {}})
        statuses.add(answer.status)
        return answer.status == 200 and answer.json["status"] == "succeeded"

    until(served)
    assert statuses <= {200, 503}


def test_what_the_author_started_ends_with_the_worker(fresh: Serve, project: Path) -> None:
    (project / "predict.py").write_text(
        "import os, subprocess\n\n\n"
        "class Predictor:\n"
        "    def setup(self):\n"
        "        self.sleeper = subprocess.Popen(['sleep', '3600'])\n\n"
        "    def predict(self) -> int:\n"
        "        return self.sleeper.pid\n"
    )
    server = fresh("predict", project=project)
    pid = server.predict()["output"]
    assert alive(pid)
    os.kill(server.workers[0], signal.SIGKILL)
    until(lambda: not alive(pid))
