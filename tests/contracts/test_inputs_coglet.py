"""Our gate against Cog's own server: the same verdicts, and the same words.

One server is started for the module, on the inputs of tests/runtime/server/test_inputs.py. It
validates what it is sent by the OpenAPI document beside the predictor, as in an image.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cogsmith.runtime.server.inputs import Faults
from cogsmith.runtime.server.requests import Call, addressed, parse
from cogsmith.signature import openapi
from tests.runtime.server.test_inputs import ARGUMENTS, GATE, WRONG
from tests.signature.sources import predictor

pytest.importorskip("coglet", reason="Cog's own server is not installed")

# Accepted by coglet, with something else than what is declared; see inputs.py for the reasons.
DIFFERENT_ON_PURPOSE: list[dict[str, Any]] = [
    {"count": 1, "image": "/etc/passwd"},
    {"count": 1, "image": "file:///etc/passwd"},
    {"count": 1, "scores": [0]},
]
RIGHT: list[dict[str, Any]] = [
    {"count": 1},
    {"count": 1.0},
    {"count": 10**30},
    {"count": 1, "level": 2.0, "limited": 3, "half": 1, "whole": 5.0},
    {"count": 1, "word": "1abc"},
    {"count": 1, "either": [1], "picks": ["b", "b"], "tags": [""], "table": {"a": [None]}},
    {"count": 1, "token": "s", "stranger": {"a": 1}},
    {"count": 1, "image": "data:text/plain;base64,aGk="},
]
BODIES = [
    b"", b"  ", b"{", b'{"input":{"count":1}', b'{"input":NaN}', b'{"input":{"count":01}}',
    b"{} x", b"\xef\xbb\xbf{}", b'{"id":"\xff"}', b'{"id":"\\ud800"}', b"3", b'"a"', b"null",
    b'{"id":3}', b'{"id":true}', b'{"webhook":3}', b'{"webhook_events_filter":["bogus"]}',
    b'{"webhook_events_filter":null}', b'{"webhook_events_filter":"start"}',
    b'{"context":{"a":1}}', b'{"context":null}', b'{"context":[]}', b'{"input":[]}', b'{"input":3}',
    b'{"input":null}', b"{}", b'{"input":{"count":1e400}}', b'{"output_file_prefix":3}',
    b'{"input":{"count":1,"table":{"a":' + b"[" * 130 + b"]" * 130 + b"}}}",
]  # fmt: skip


class Coglet:
    """Cog's server on a port of its own."""

    def __init__(self, port: int) -> None:
        self.port = port

    def post(
        self, body: bytes, kind: str | None = "application/json", path: str = "/predictions"
    ) -> tuple[int, str, bytes]:
        """Status, Content-Type and body; asked again while its only slot is still held."""
        for _ in range(100):
            headers = {"content-type": kind} if kind is not None else {}
            method = "PUT" if path.endswith("/x") else "POST"
            found = asked(self.port, method, path, body, headers)
            if found[0] != 409:
                return found
            time.sleep(0.05)
        raise AssertionError("coglet is busy for ever")


def asked(
    port: int, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, str, bytes]:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with closing(link):
        link.request(method, path, body, headers or {})
        answer = link.getresponse()
        return answer.status, answer.getheader("content-type", ""), answer.read()


@pytest.fixture(scope="module")
def coglet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coglet]:
    project = tmp_path_factory.mktemp("coglet")
    (project / ".cog").mkdir()
    (project / ".cog" / "openapi_schema.json").write_text(json.dumps(openapi(GATE.signature)))
    (project / "predict.py").write_text(predictor(ARGUMENTS).replace(": ...", ": return 'fine'"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PORT": str(port), "COG_LOG_LEVEL": "error",
                   "COG_PREDICT_TYPE_STUB": "predict.py:Predictor"}  # fmt: skip
    with (project / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "cog.server.http", "--host", "127.0.0.1"],
            cwd=project, env=environment, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        ready(port, project / "log")
        yield Coglet(port)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def ready(port: int, log: Path) -> None:
    for _ in range(600):
        try:
            if json.loads(asked(port, "GET", "/health-check")[2])["status"] == "READY":
                return
        except OSError:
            pass
        time.sleep(0.05)
    pytest.fail(f"coglet does not start: {log.read_text()[-2000:]}")


@pytest.mark.parametrize("values", [values for values, _ in WRONG], ids=lambda one: str(one)[:40])
def test_faults_are_the_same_to_the_letter(coglet: Coglet, values: dict[str, Any]) -> None:
    raw = json.dumps(values).encode()
    ours = GATE.admit(raw)
    assert isinstance(ours, Faults)
    theirs = coglet.post(b'{"input":%b}' % raw)
    assert theirs == (422, "application/json", ours.body())


@pytest.mark.parametrize("values", RIGHT, ids=lambda one: str(one)[:40])
def test_what_both_accept(coglet: Coglet, values: dict[str, Any]) -> None:
    raw = json.dumps(values).encode()
    assert coglet.post(b'{"input":%b}' % raw)[0] == 200
    assert isinstance(GATE.admit(raw), bytes)


@pytest.mark.parametrize("values", DIFFERENT_ON_PURPOSE, ids=str)
def test_what_we_refuse_and_coglet_does_not(coglet: Coglet, values: dict[str, Any]) -> None:
    raw = json.dumps(values).encode()
    assert coglet.post(b'{"input":%b}' % raw)[0] == 200
    assert isinstance(GATE.admit(raw), Faults)


@pytest.mark.parametrize("name", ["image", "token", "half"])
def test_what_coglet_refuses_though_its_document_allows_it(coglet: Coglet, name: str) -> None:
    raw = json.dumps({"count": 1, name: None}).encode()
    assert coglet.post(b'{"input":%b}' % raw)[0] == 422
    assert isinstance(GATE.admit(raw), bytes)


@pytest.mark.parametrize("body", BODIES, ids=lambda one: repr(one)[:40])
def test_bodies_get_the_same_kind_of_answer(coglet: Coglet, body: bytes) -> None:
    """The same status, type and beginning; after that each parser has words of its own."""
    status, kind, words = coglet.post(body)
    found = parse(body, "application/json")
    ours = GATE.admit(found.input) if isinstance(found, Call) else found
    if isinstance(ours, Faults):
        assert (status, words) == (422, ours.body())
        return
    assert not isinstance(ours, bytes)
    assert (status, kind.encode()) == (ours.status, ours.kind)
    assert ours.body.split(b": ")[0] == words.split(b": ")[0]
    if status == 422:
        assert words.startswith(ours.body)  # coglet adds the line and the column


@pytest.mark.parametrize(
    ("kind", "taken"),
    [("application/json; charset=utf-8", True), ("APPLICATION/JSON", True), ("text/json", False),
     ("application/vnd.api+json", True), ("application/json;", True), ("garbage", False),
     (" application/json ", True), ("application/jsonx", False), ("text/plain", False),
     ("application/json, text/plain", False), ("application/json; charset=latin-1", True)],
)  # fmt: skip
def test_content_types(coglet: Coglet, kind: str, taken: bool) -> None:
    status, _, words = coglet.post(b'{"input":{"count":1}}', kind)
    found = parse(b'{"input":{"count":1}}', kind)
    assert isinstance(found, Call) == taken == (status == 200)
    if not isinstance(found, Call):
        assert (status, words) == (found.status, found.body)


def test_a_body_without_a_content_type(coglet: Coglet) -> None:
    found = parse(b'{"input":{"count":1}}', None)
    assert isinstance(found, Call)
    ours = GATE.admit(found.input)
    assert isinstance(ours, Faults)
    assert coglet.post(b'{"input":{"count":1}}', None)[2] == ours.body()


@pytest.mark.parametrize("noun", ["prediction", "training"])
def test_two_ids(coglet: Coglet, noun: str) -> None:
    ours = addressed(Call(id="b"), "x", noun=noun)
    assert not isinstance(ours, Call)
    theirs = coglet.post(b'{"id":"b","input":{"count":1}}', path=f"/{noun}s/x")
    assert theirs == (ours.status, ours.kind.decode(), ours.body)
