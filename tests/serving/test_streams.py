"""Server-sent events: each as it happens, for as many readers as come, however slowly they read."""

from __future__ import annotations

import pytest

from tests.serving.conftest import Serve
from tests.serving.server import EVENTS, until

COUNT = 300_000


def test_a_stream_tells_event_by_event(serve: Serve) -> None:
    stream = serve("narrated").stream("POST", "/predictions", {"id": "s", "input": {"count": 2}})
    events = stream.rest()
    assert stream.status == 200
    assert stream.headers["content-type"] == EVENTS
    assert stream.headers["cache-control"] == "no-cache"
    assert [(event.name, event.data) for event in events[:-1]] == [
        ("start", {"id": "s", "status": "processing"}),
        ("log", {"source": "stdout", "data": "making 0\n"}),
        ("output", {"chunk": "chunk-0", "index": 0}),
        ("metric", {"name": "chunks", "value": 1, "mode": "increment"}),
        ("log", {"source": "stdout", "data": "making 1\n"}),
        ("output", {"chunk": "chunk-1", "index": 1}),
        ("metric", {"name": "chunks", "value": 1, "mode": "increment"}),
        ("metric", {"name": "tags", "value": "done", "mode": "append"}),
        ("metric", {"name": "timing.count", "value": 2, "mode": "replace"}),
    ]
    assert events[-1].name == "completed"
    reply = events[-1].data
    spent = reply["metrics"].pop("predict_time")
    assert spent >= 0
    assert reply == {
        "id": "s", "logs": "making 0\nmaking 1\n", "output": ["chunk-0", "chunk-1"],
        "metrics": {"chunks": 2, "tags": ["done"], "timing": {"count": 2}}, "status": "succeeded",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["narrated", "async_stream"])
def test_a_chunk_arrives_while_the_next_one_is_made(fresh: Serve, name: str) -> None:
    """Cog collects an async predictor's output and sends it at the end."""
    stream = fresh(name).events(count=1000, seconds=3600 if name == "narrated" else 0.05)
    assert stream.next("output").data["index"] == 0
    stream.leave()


def test_streams_run_side_by_side(serve: Serve) -> None:
    server = serve("async_stream")
    streams = [server.events(count=5, seconds=0.02) for _ in range(8)]
    firsts = [stream.next("output") for stream in streams]
    lasts = [stream.rest()[-1] for stream in streams]
    assert [last.name for last in lasts] == ["completed"] * 8
    assert max(first.at for first in firsts) < max(last.at for last in lasts)


def test_without_streaming_in_the_code_a_stream_is_not_acceptable(serve: Serve) -> None:
    answer = serve("echo").post("/predictions", {"input": {}}, accept=EVENTS)
    assert answer.status == 406
    assert answer.json == {
        "error": "This model does not support streaming responses. "
        "Add @cog.streaming to predict() to enable SSE."
    }


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        ("text/event-stream", True),
        ("application/json, text/event-stream;q=0.5", True),
        ("TEXT/Event-Stream", True),
        ("text/event-stream;q=0, application/json", False),
        ("*/*", False),
        ("application/json", False),
    ],
)
def test_what_a_client_accepts_decides(serve: Serve, accept: str, streams: bool) -> None:
    answer = serve("narrated").post("/predictions", {"input": {}}, accept=accept)
    assert answer.headers["content-type"] == (EVENTS if streams else "application/json")


def test_a_stream_wins_over_an_early_answer(serve: Serve) -> None:
    answer = serve("narrated").post(
        "/predictions", {"input": {}}, accept=EVENTS, prefer="respond-async"
    )
    assert answer.headers["content-type"] == EVENTS


def test_wrong_inputs_are_no_stream(serve: Serve) -> None:
    stream = serve("narrated").events(count="two")
    assert (stream.status, stream.headers["content-type"]) == (422, "application/json")
    stream.leave()


def test_a_failure_ends_a_stream_with_the_whole_reply(serve: Serve) -> None:
    last = serve("hiccup").events(after=2).rest()[-1]
    assert (last.name, last.data["status"], last.data["output"]) == ("completed", "failed", [0, 1])
    assert last.data["error"].endswith("hiccup")


# --- PUT: those who come again


def test_a_second_reader_gets_everything_from_the_start_and_then_what_comes(serve: Serve) -> None:
    server = serve("async_stream")
    body = {"input": {"count": 10, "seconds": 0.02}}
    first = server.stream("PUT", "/predictions/shared", body)
    seen = [first.next("output"), first.next("output")]
    second = server.stream("PUT", "/predictions/shared", body)
    again = second.rest()
    seen += first.rest()
    assert [event.name for event in again] == ["start", *["output"] * 10, "completed"]
    assert [event.data for event in again[1:]] == [event.data for event in seen]


def test_a_replay_is_cut_short_where_too_much_is_gone(fresh: Serve) -> None:
    server = fresh("async_stream", COG_STREAM_HISTORY_CAPACITY="2")
    first = server.stream("PUT", "/predictions/p", {"input": {"count": 1000, "seconds": 0.01}})
    for _ in range(5):
        missed = first.next("output").data["index"] + 1
    (only,) = server.stream("PUT", "/predictions/p", {"input": {}}).rest()
    assert (only.name, only.data["error"]) == ("error", "SSE stream replay truncated")
    assert only.data["skipped"] >= missed - 2
    first.leave()


def test_without_history_a_first_reader_still_gets_everything(fresh: Serve) -> None:
    server = fresh("async_stream", COG_STREAM_HISTORY_CAPACITY="0")
    names = [event.name for event in server.events(count=3).rest()]
    assert names == ["start", *["output"] * 3, "completed"]
    first = server.stream("PUT", "/predictions/p", {"input": {"count": 1000, "seconds": 0.01}})
    first.next("output")
    assert [e.name for e in server.stream("PUT", "/predictions/p", {"input": {}})] == ["error"]
    first.leave()


# --- slow readers


def test_a_reader_who_pauses_loses_nothing_and_others_go_on(fresh: Serve) -> None:
    """Cog's ring of 1,024 events overran: the stream ended without ``completed``."""
    server = fresh("flood")
    slow = server.events(count=COUNT)
    slow.next("output")  # and then no read for as long as others need
    for _ in range(5):
        assert server.events(count=1000).rest()[-1].data["output"][-1] == "999 ...."
    events = slow.rest()
    indices = [event.data["index"] for event in events[:-1]]
    assert indices == list(range(1, COUNT))
    assert events[-1].name == "completed"
    assert len(events[-1].data["output"]) == COUNT


@pytest.mark.parametrize("name", ["flood", "sync_flood"])
def test_the_predictor_waits_for_a_reader_who_is_far_behind(fresh: Serve, name: str) -> None:
    server = fresh(name)
    before = server.memory()
    body = {"id": "far", "input": {"count": 4000, "size": 16384}}
    slow = server.stream("POST", "/predictions", body)
    slow.next("output")

    def made() -> int:
        return len(server.state("far")["output"] or [])

    found: list[int] = []
    until(lambda: found.append(made()) or (len(found) > 9 and len(set(found[-5:])) == 1))
    assert 0 < found[-1] < 4000
    assert server.memory() - before < 40 * 1024 * 1024  # of the 64 MB that are to come
    events = slow.rest()
    assert [event.data["index"] for event in events[:-1]] == list(range(1, 4000))
    assert events[-1].data["status"] == "succeeded"


def test_a_slow_reader_who_leaves_ends_the_prediction(fresh: Serve) -> None:
    server = fresh("sync_flood")
    slow = server.stream("POST", "/predictions", {"id": "far", "input": {"count": 10**7}})
    slow.next("output")
    slow.leave()
    assert server.ended("far")["status"] == "canceled"
    assert server.predict(count=1)["status"] == "succeeded"


def test_a_slow_reader_can_be_canceled(fresh: Serve) -> None:
    server = fresh("sync_flood")
    body = {"id": "far", "input": {"count": 10**5, "size": 1024}}
    slow = server.stream("POST", "/predictions", body)
    slow.next("output")
    assert server.cancel("far") == 200
    assert slow.rest()[-1].data["status"] == "canceled"
