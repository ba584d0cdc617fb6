"""Cases on servers: ours, for real, and odd ones."""

from __future__ import annotations

import asyncio
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cogsmith.cases import Outcome, Served, fetch_document, wait_until_ready
from cogsmith.contract import read
from cogsmith.errors import TargetError
from cogsmith.signature import FileInput
from tests.cases.making import case, said
from tests.cases.playing import signature_of, there
from tests.serving.server import Server, serving


def of(server: Server, key: str = "") -> Served:
    wait_until_ready(server.url, 60, key)
    predict = read(fetch_document(server.url, key)).predict
    assert predict
    return Served(url=server.url, signature=predict, key=key)


@pytest.fixture(scope="module")
def language_model() -> Iterator[Served]:
    with serving("language_model", COGSMITH_API_KEY="sesame") as server:
        yield of(server, "sesame")


def test_a_stream_is_timed_from_its_first_event(language_model: Served) -> None:
    budget = {"first_token": 30, "tokens_per_second": 0.001, "memory": "1GB"}
    expect = {"exact": "Hello, world.", "chunks": {"min": 2}}
    one = case(expect, input={"prompt": "Hi"}, budget=budget)
    verdict = there(language_model, language_model.signature, one)["a"]
    assert (verdict.outcome, verdict.note) == (Outcome.PASSED, "memory could not be measured")
    assert verdict.measures.first_token <= verdict.measures.total


def test_what_a_server_refuses_is_told_in_our_words_and_in_its_own(language_model: Served) -> None:
    one = case({"error": "must be at maximum 4096, got 9999"}, input={"max_tokens": 9999})
    assert there(language_model, language_model.signature, one)["a"].outcome is Outcome.PASSED
    answer = asyncio.run(language_model.predict({"max_tokens": 9999}, 30))
    assert answer.refused
    assert answer.error.splitlines()[-1].startswith("max_tokens: ")


def test_a_wrong_key_is_told(language_model: Served) -> None:
    with pytest.raises(TargetError, match="401") as caught:
        fetch_document(language_model.url)
    assert "COGSMITH_API_KEY" in caught.value.hint
    stranger = Served(url=language_model.url, signature=language_model.signature, key="wrong")
    answer = asyncio.run(stranger.predict({}, 30))
    assert (answer.ok, answer.refused) == (False, False)


def test_files_travel_both_ways(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("hello")
    given = {"files": [FileInput(str(tmp_path / "words.txt"))]}
    digest = hashlib.sha256(b"HELLO").hexdigest()
    with serving("files") as server:
        target = of(server)
        found = there(target, target.signature, case({"sha256": digest, "chunks": 1}, input=given))
    assert said(found["a"]) == []


def test_a_crash_behind_a_server_is_a_crash() -> None:
    with serving("crash") as server:
        target = of(server)
        found = there(target, target.signature, case({"error": True}))
    assert "SIGSEGV" in said(found["a"])[0]


def test_a_model_that_cannot_be_set_up_is_told() -> None:
    with (
        serving("never_set_up", wait=False, COGSMITH_RESTARTS="0") as server,
        pytest.raises(TargetError, match="cannot be set up"),
    ):
        server.is_("SETUP_FAILED", "DEFUNCT")
        wait_until_ready(server.url, 30)


# --- servers that are none of ours


class Odd(http.server.BaseHTTPRequestHandler):
    """Answers what it was told to, one after the other; the last for ever."""

    answers: list[tuple[int, dict[str, str], bytes]]
    asked: list[Any]

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer()

    def _answer(self) -> None:
        status, headers, body = self.answers[0]
        if len(self.answers) > 1:
            self.answers.pop(0)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def odd(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[tuple[str, list[Any]]]:
    handler = type("Handler", (Odd,), {"answers": list(answers), "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", handler.asked
        finally:
            server.shutdown()
            thread.join()


def predict(url: str, timeout: float = 30, **inputs: Any) -> Any:
    served = Served(url=url, signature=signature_of("language_model"))
    return asyncio.run(served.predict(inputs, timeout))


def reply(**told: Any) -> tuple[int, dict[str, str], bytes]:
    body = json.dumps({"status": "succeeded", **told}).encode()
    return 200, {"Content-Type": "application/json"}, body


def test_a_busy_server_is_asked_again() -> None:
    busy = (503, {"Retry-After": "0"}, b"")
    with odd(busy, (409, {"Retry-After": "0"}, b""), reply(output="a")) as (url, asked):
        answer = predict(url, prompt="Hi")
    assert (answer.ok, answer.output) == (True, "a")
    assert asked == [{"input": {"prompt": "Hi"}}] * 3


def test_a_server_that_stays_busy_is_given_up() -> None:
    with odd((503, {"Retry-After": "60"}, b'{"error": "full"}')) as (url, _):
        answer = predict(url, 30)
    assert (answer.ok, answer.error) == (False, "full")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((500, {}, b"oops"), "oops"),
        ((500, {}, b""), "500 Internal Server Error"),
        ((422, {}, b'{"detail": [{"loc": ["body", "input", "a"], "msg": "no"}]}'), "a: no"),
        ((422, {}, b'{"detail": "no"}'), "no"),
        ((200, {}, b"[]"), "the server does not answer: the answer is not that of a prediction"),
        ((200, {"Content-Type": "text/event-stream"}, b"event: output\n"), "ended too early"),
        (reply(status="failed", error="dry"), "dry"),
        (reply(status="canceled"), "canceled"),
    ],
)  # fmt: skip
def test_answers_that_are_none(answer: Any, error: str) -> None:
    with odd(answer) as (url, _):
        found = predict(url)
    assert not found.ok
    assert error in found.error


def test_events_of_other_servers_are_read() -> None:
    events = (
        b": hello\n\nevent: output\ndata: {}\n\nid: 7\nevent:completed\r\n"
        b'data:{"status": "succeeded",\r\ndata: "output": ["a", "b"]}\r\n\r\n'
    )
    with odd((200, {"Content-Type": "text/event-stream; charset=utf-8"}, events)) as (url, _):
        answer = predict(url)
    assert (answer.ok, answer.output, answer.chunks) == (True, ["a", "b"], 2)


def test_nobody_there_is_told() -> None:
    with odd(reply()) as (url, _):
        pass
    answer = predict(url)
    assert answer.error.startswith("the server does not answer")
    for ask in (lambda: fetch_document(url), lambda: wait_until_ready(url, 1)):
        with pytest.raises(TargetError, match="does not answer"):
            ask()


def test_documents_that_are_none() -> None:
    with odd((200, {}, b"<html>")) as (url, _), pytest.raises(TargetError):
        fetch_document(url)
    with odd((404, {}, b"")) as (url, _):
        with pytest.raises(TargetError, match="404"):
            fetch_document(url)
        assert wait_until_ready(url, 1) >= 0  # a server without the endpoint counts as ready


def test_a_silent_server_is_given_up() -> None:
    gate = threading.Event()

    class Silent(Odd):
        def do_POST(self) -> None:
            gate.wait(60)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            answer = predict(f"http://127.0.0.1:{server.server_port}", 0.3)
        finally:
            gate.set()
            server.shutdown()
            thread.join()
    assert answer.error == "gave up after 0.3 s"
