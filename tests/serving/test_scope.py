"""What the author's code says beside its output, and what it is told: logs, metrics, context."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

import pytest

from tests.prediction.receiver import free_port
from tests.serving.conftest import Serve
from tests.serving.server import PATIENCE, Server, ending, launch, until


def test_metrics_stand_beside_the_time(serve: Serve) -> None:
    metrics = serve("metrics").predict()["metrics"]
    assert metrics.pop("predict_time") > 0
    assert metrics == {
        "ok": 1, "token_count": 5, "tags": ["fast", "cached"], "timing": {"load": 0.5},
        "predict": {"steps": [1, 2]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("1st", "must start with a letter"),
        ("a__b", "must not contain consecutive underscores"),
        ("a_", "must end with a letter or digit"),
        (".a", "must not start with a dot"),
        ("a..b", "empty segments"),
        ("predict_time", "predict_time"),
        ("cog.x", "cog."),
        ("a.b.c.d.e", "at most 4 dot-separated segments"),
        ("a" * 200, "128 characters"),
    ],
)
def test_a_metric_of_a_wrong_name_fails_with_words(serve: Serve, name: str, words: str) -> None:
    reply = serve("metrics").predict(name=name)
    assert (reply["status"], words in reply["error"]) == ("failed", True)


def test_the_context_of_a_request_reaches_the_code(serve: Serve) -> None:
    server = serve("metrics")
    body = {"input": {"context": True}, "context": {"user": "ada", "plan": "free"}}
    assert server.post("/predictions", body).json["output"] == "plan=free,user=ada"
    assert server.predict(context=True)["output"] == ""


def test_a_context_that_is_none_is_refused(serve: Serve) -> None:
    answer = serve("metrics").post("/predictions", {"input": {}, "context": {"a": 1}})
    assert answer.status == 422


@pytest.mark.parametrize(
    ("how", "logs"),
    [
        ("print", "one\ntwo\nINFO three\nvier ä\nno newline"),
        ("subprocess", "child out\nchild err\n"),
        ("descriptors", "raw out\nraw err\n"),
        ("thread", "from a thread\n"),
    ],
)
def test_what_is_printed_is_in_the_reply(serve: Serve, how: str, logs: str) -> None:
    found = serve("noisy").predict(how=how)["logs"]
    assert sorted(found.splitlines()) == sorted(logs.splitlines())
    if how == "print":
        assert found == logs


def test_predictions_at_once_keep_their_logs_apart(serve: Serve) -> None:
    server = serve("async_noisy")
    names = [f"n{number}" for number in range(20)]
    for name in names:
        server.begin(name, {"name": name, "lines": 5})
    for name in names:
        state = server.ended(name)
        assert state["logs"] == "".join(f"{name} {number}\n" for number in range(5))
        assert state["metrics"]["lines"] == 5


def test_what_is_printed_is_repeated_on_the_servers_own_streams(fresh: Serve) -> None:
    server = fresh("noisy")
    server.predict(how="print")
    until(lambda: any("vier" in line for line in server.said))
    said = "".join(server.said)
    assert [said.count(word) for word in ("one\n", "two\n", "vier ä\n")] == [1, 1, 1]


def test_a_terminal_that_nobody_reads_stops_nothing(tmp_path: Path) -> None:
    said = ("one\n" * 100_000, "and the last\n")
    code = f"class Predictor:\n    def predict(self) -> str:\n        print({said[0]!r})\n"
    (tmp_path / "predict.py").write_text(f"{code}        print({said[1]!r}, end='')\n")
    port = free_port()
    process = launch("predict", "--port", str(port), project=tmp_path)
    with process, ending(process):
        server = Server(process, port)
        until(lambda: ready(server))
        for _ in range(20):
            assert len(server.predict()["logs"]) > len(said[0])
        assert server.health()["status"] == "READY"
        server.tell(signal.SIGTERM)
        found, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert found.count("one\n") > 100_000


def ready(server: Server) -> bool:
    with contextlib.suppress(ConnectionError):
        return server.get("/readyz").status == 200
    return False
