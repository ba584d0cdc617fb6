"""``cogsmith playground``: the page in front of a server that has none, and what it passes on."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from cogsmith.cli.main import main
from cogsmith.cli.playground import _status
from cogsmith.cli.relay import Relay, Target
from tests.cli.running import Running, running
from tests.page.conftest import browser, page, zoo  # noqa: F401 - fixtures
from tests.page.fake import Fake, served
from tests.page.playground import Playground, with_output

TEXTS = {
    "type": "array", "items": {"type": "string"},
    "x-cog-array-type": "iterator", "x-cog-array-display": "concatenate",
}  # fmt: skip
COGSMITH = str(Path(sys.executable).with_name("cogsmith"))
AT = re.compile(r"at http://([\w.]+):(\d+); Ctrl-C ends it")


@pytest.fixture
def server(zoo: dict[str, Any]) -> Iterator[Fake]:  # noqa: F811
    """A server of Cog's dialect; what is asked under /model reaches it, and no page of its own."""
    with served(zoo) as fake:
        fake.prefix = "/model"
        with_output(fake, TEXTS)
        yield fake


@pytest.fixture
def hooks() -> list[tuple[str, bytes]]:
    return []


@pytest.fixture
def relay(server: Fake, hooks: list[tuple[str, bytes]]) -> Iterator[str]:
    """The address of a relay before the server."""
    target = Target(f"{server.url}/model")

    def heard(name: str, body: bytes) -> None:
        hooks.append((name, body))

    with Relay(("127.0.0.1", 0), target, webhook_host="model.example", heard=heard) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


@contextlib.contextmanager
def asked(
    url: str, method: str, path: str, body: Any = None, **headers: str
) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    with contextlib.closing(connection):
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {k.replace("_", "-"): v for k, v in headers.items()})
        yield connection.getresponse()


def told(url: str, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    with asked(url, method, path, body, **headers) as reply:
        return reply.status, json.loads(reply.read())


# --- the page


def test_the_page_is_ours_and_its_address_is_the_servers(relay: str, server: Fake) -> None:
    with asked(relay, "GET", "/", accept="text/html") as reply:
        assert b"Playground" in reply.read()
        assert "connect-src 'self'" in (reply.getheader("Content-Security-Policy") or "")
    assert server.asked == []
    status, health = told(relay, "GET", "/health-check")
    assert (status, health["status"]) == (200, "READY")
    assert [path for _, path, _, _ in server.asked] == ["/health-check"]


@pytest.mark.browser
def test_a_person_runs_a_prediction_through_it(page: Any, relay: str, server: Fake) -> None:  # noqa: F811
    playground = Playground(page, relay)
    playground.fill("text", "Ada")
    playground.run()
    server.say("start", id="x", status="processing")
    server.write("Once ")
    playground.output("Once ")  # as it comes, not at the end
    server.write("upon")
    server.finish(output=["Once ", "upon"])
    playground.ended()
    playground.output("Once upon")
    [(_, headers, body)] = server.predictions()
    assert body["input"] == {"text": "Ada"}
    assert headers["Host"] == urlsplit(server.url).netloc
    assert "Origin" not in headers


# --- what is passed on


def test_an_answer_is_passed_on_as_it_is(relay: str, server: Fake) -> None:
    server.answer = (409, {"error": "at capacity", "status": "failed"})
    body = {"input": {"text": "é" * 100_000}}
    assert told(relay, "POST", "/predictions", body) == server.answer
    assert server.asked[-1][3] == body


def test_cogs_own_paths_of_the_proxy(relay: str, server: Fake) -> None:
    target = f"{server.url}/model"
    direct = told(server.url, "GET", "/model/health-check")
    assert told(relay, "GET", "/proxy/health-check", X_Cog_Target=target) == direct
    assert told(relay, "GET", "/config")[1]["webhookBase"].startswith("http://model.example:")


def test_another_target_than_the_one_that_was_named_is_not_asked(relay: str) -> None:
    status, answer = told(relay, "GET", "/proxy/health-check", X_Cog_Target="http://10.0.0.1")
    assert status == 400
    assert "this page is of" in answer["error"]


def test_a_server_that_is_not_there_is_said() -> None:
    with Relay(
        ("127.0.0.1", 0), Target("http://127.0.0.1:9"), webhook_host="h", heard=lambda *_: None
    ) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        status, answer = told(f"http://127.0.0.1:{made.server_port}", "GET", "/health-check")
        made.shutdown()
        thread.join()
    assert status == 502
    assert "cannot reach http://127.0.0.1:9" in answer["error"]


def test_pages_of_other_origins_reach_nothing(relay: str, server: Fake) -> None:
    status, _ = told(relay, "POST", "/predictions", {}, Origin="http://evil.example")
    assert status == 403
    assert told(relay, "GET", "/health-check", Host="evil.example")[0] == 403
    own = urlsplit(relay).netloc
    assert told(relay, "GET", "/health-check", Origin=f"http://{own}")[0] == 200
    assert len(server.asked) == 1


# --- webhooks


def test_a_webhook_is_heard_by_who_listens(relay: str, hooks: list[tuple[str, bytes]]) -> None:
    with asked(relay, "GET", "/events?token=mine") as stream:
        assert stream.getheader("Content-Type") == "text/event-stream"
        assert told(relay, "POST", "/webhook/other", {"status": "starting"}) == (200, {})
        assert told(relay, "POST", "/webhook/mine", {"status": "succeeded"}) == (200, {})
        assert stream.readline() == b'data: {"status": "succeeded"}\n'
    assert [name for name, _ in hooks] == ["other", "mine"]


def test_a_webhook_that_is_too_large_is_refused(relay: str, hooks: list[tuple[str, bytes]]) -> None:
    with asked(relay, "POST", "/webhook/x", Content_Length=str(11 << 20)) as reply:
        assert reply.status == 413
    assert hooks == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"id": "a", "status": "succeeded"}', "a succeeded"),
        (b'{"status": "starting"}', "starting"),
        (b"[1]", "3 bytes"),
        (b"\xff", "1 bytes"),
    ],
)
def test_what_a_webhook_says(body: bytes, said: str) -> None:
    assert _status(body) == said


# --- the command


def started(command: Running) -> str:
    assert command.process.stderr
    line = command.process.stderr.readline()
    found = AT.search(line)
    assert found, line
    return f"http://{found[1]}:{found[2]}"


def test_the_command_says_where_it_is_and_ends_by_ctrl_c(server: Fake, tmp_path: Path) -> None:
    words = (
        COGSMITH, "playground", "--no-open",
        "--target", f"{server.url}/model/", "-p", "0",
    )  # fmt: skip
    with running(*words, folder=tmp_path, environment={}) as command:
        url = started(command)
        assert told(url, "GET", "/health-check")[0] == 200
        assert told(url, "POST", "/webhook/night", {"id": "p", "status": "failed"})[0] == 200
        command.interrupt()
        code, _, err = command.end()
    assert code == 130
    assert "webhook night: p failed" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--target", "gpu-box:5000"), "is not the address of a server"),
        (("llama", "--target", "http://gpu-box"), "--target and a model are given"),
    ],
)
def test_what_does_not_fit_is_refused(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["playground", *words])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


PREDICTOR = """
from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self, name: str) -> str:
        return f"hello {name}"
"""


@pytest.mark.network
def test_a_model_that_is_named_is_served(
    tmp_path: Path, command_environment: dict[str, str]
) -> None:
    python = ".".join(map(str, sys.version_info[:2]))
    config = f'build:\n  python_version: "{python}"\npredict: "predict.py:Predictor"\n'
    (tmp_path / "cog.greeter.yaml").write_text(config)
    (tmp_path / "predict.py").write_text(PREDICTOR)
    port = str(free_port())
    words = (COGSMITH, "playground", "greeter", "--no-open", "-p", port)
    with running(*words, folder=tmp_path, environment=command_environment) as command:
        assert command.process.stderr
        assert any("Ready after" in line for line in command.process.stderr)
        url = f"http://127.0.0.1:{port}"
        with asked(url, "GET", "/", accept="text/html") as reply:
            assert b"Playground" in reply.read()
        status, answer = told(
            url, "POST", "/predictions", {"input": {"name": "Ada"}}, Content_Type="application/json"
        )
        command.interrupt()
        code, _, _ = command.end()
    assert (status, answer["output"], code) == (200, "hello Ada", 130)


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
