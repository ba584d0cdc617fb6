"""What the author's code says beside its output, and what it is told: logs, metrics, context."""

from __future__ import annotations

import pytest

from tests.serving.conftest import Serve


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
