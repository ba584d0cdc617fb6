"""``cogsmith serve``: what a person sees, and how it ends."""

from __future__ import annotations

import http.client
import io
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cogsmith.cli.console import Console
from cogsmith.cli.main import main
from cogsmith.cli.serve import Told

from .running import Running, running, until

PYTHON = ".".join(map(str, sys.version_info[:2]))
CONFIG = f'build:\n  python_version: "{PYTHON}"\npredict: "predict.py:Predictor"\n'
JSON = {"content-type": "application/json"}
PREDICTOR = """
import time
from pathlib import Path

from cog import BasePredictor, Input


class Predictor(BasePredictor):
    def setup(self) -> None:
        print("weights are read")

    def predict(self, prompt: str, temperature: float = Input(default=1.0), wait: float = 0) -> str:
        if prompt == "boom":
            raise ValueError("boom")
        if wait:
            Path("begun").touch()
            time.sleep(wait)
        return f"hello {prompt}"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "greeter"
    folder.mkdir()
    (folder / "cog.yaml").write_text(CONFIG)
    (folder / "predict.py").write_text(PREDICTOR)
    monkeypatch.chdir(folder)
    return folder


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Exit code and standard error of a command that ends by itself."""
    with pytest.raises(SystemExit) as ended:
        main(["serve", *words])
    assert isinstance(ended.value.code, int)
    return ended.value.code, capsys.readouterr().err


# --- what is refused before anything starts


def test_wrong_variables_are_told_at_once(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COGSMITH_WORKERS", "x")
    (project / "cog.yaml").write_text(CONFIG + "environment: [COGSMITH_QUEUE=long]\n")
    code, err = said(capsys, "-e", "COGSMITH_MAX_BODY=big")
    assert code == 2
    assert re.findall(r"error: (\w+): '(\w+)'", err) == [
        ("COGSMITH_WORKERS", "x"), ("COGSMITH_MAX_BODY", "big"), ("COGSMITH_QUEUE", "long")
    ]  # fmt: skip
    assert err.count("hint:  for example COGSMITH_") == 3


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("nobody",), 1, 'no model "nobody"'),
        (("-f", "nothing.yaml"), 1, "nothing.yaml"),
        (("-p", "65536"), 2, "65536 is not in the range"),
        (("--workers", "0"), 2, "0 is not in the range"),
        (("--upload-url", "ftp://a"), 2, "'ftp://a' is not the address of a server"),
        (("-i", "prompt=a"), 2, "No such option '-i'"),
    ],
)
def test_words_that_do_not_fit(
    words: tuple[str, ...], code: int, told: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    got, err = said(capsys, *words)
    assert got == code
    assert told in err
    assert "hint:" in err


# --- what is said while it runs


class Screen:
    """A console, and what is on it."""

    def __init__(self, *, language_model: bool = False, color: bool = False) -> None:
        self.text = io.StringIO()
        self.told = Told(Console(self.text, color=color), "llama", language_model)

    @property
    def lines(self) -> list[str]:
        return self.text.getvalue().splitlines()


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://localhost:80"), ("0.0.0.0", "http://localhost:80"),
        ("::1", "http://localhost:80"), ("::", "http://localhost:80"),
        ("192.0.2.7", "http://192.0.2.7:80"), ("2001:db8::1", "http://[2001:db8::1]:80"),
    ],
)  # fmt: skip
def test_where_it_is(host: str, address: str) -> None:
    screen = Screen()
    screen.told.listening(host, 80)
    assert screen.lines == [f"Listening at {address}; the model loads"]


def test_ready_and_for_whom() -> None:
    for language_model in (False, True):
        screen = Screen(language_model=language_model)
        screen.told.listening("127.0.0.1", 80)
        screen.told.record(logging.INFO, "ready after 1.5 s")
        ready, *more = screen.lines[1:]
        assert ready.startswith("Ready after 1.5 s: http://localhost:80 ")
        assert more == ['OpenAI\'s clients: base_url="http://localhost:80/v1", model="llama"'] * (
            language_model
        )


def test_warnings_and_errors_look_so() -> None:
    screen = Screen()
    screen.told.record(logging.WARNING, "odd")
    screen.told.record(logging.ERROR, "bad")
    screen.told.record(logging.INFO, "so")
    assert screen.lines == ["warning: odd", "error: bad", "so"]
    assert "\x1b" not in screen.text.getvalue()
    colored = Screen(color=True)
    colored.told.record(logging.ERROR, "bad")
    assert "\x1b[31m" in colored.text.getvalue()


# --- the real thing


@pytest.fixture
def server(project: Path, command_environment: dict[str, str]) -> Iterator[Server]:
    with running(
        "cogsmith", "serve", "-p", "0", folder=project, environment=command_environment
    ) as command:
        yield Server(command)


class Server:
    """A running command, what it has said so far, and its port."""

    def __init__(self, command: Running) -> None:
        self.command = command
        self.said = self.printed = ""
        self.read_until("Ready after")
        found = re.search(r"Listening at http://localhost:(\d+)", self.said)
        assert found, self.said
        self.port = int(found[1])

    def read_until(self, text: str) -> None:
        stream = self.command.process.stderr
        assert stream
        while text not in self.said:
            line = stream.readline()
            assert line, self.said
            self.said += line

    def ask(self, method: str, path: str, **given: Any) -> tuple[int, Any]:
        body = json.dumps({"input": given}) if given else None
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, body, JSON if body else {})
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def end(self) -> int:
        """The exit code; all that was said is there then."""
        process = self.command.process
        assert process.stdout
        assert process.stderr
        self.said += process.stderr.read()
        self.printed = process.stdout.read()
        return process.wait(60)


@pytest.mark.network
def test_from_the_first_line_to_ctrl_c(server: Server) -> None:
    status, reply = server.ask("POST", "/predictions", prompt="Ada")
    assert (status, reply["output"]) == (200, "hello Ada")
    status, models = server.ask("GET", "/v1/models")
    assert [model["id"] for model in models["data"]] == ["greeter"]  # the folder's name
    status, failed = server.ask("POST", "/predictions", prompt="boom")
    assert failed["status"] == "failed"
    server.command.interrupt()
    assert server.end() == 130
    assert server.command.left() == []
    for text in ("Listening at", "Ready after", 'model="greeter"', "SIGINT"):
        assert text in server.said
    assert "weights are read" in server.printed  # the author's own text
    assert "\x1b" not in server.said  # no terminal, no colors


@pytest.mark.network
def test_what_is_underway_is_delivered(server: Server, project: Path) -> None:
    body = json.dumps({"input": {"prompt": "Ada", "wait": 0.5}})
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.request("POST", "/predictions", body, JSON)
        until((project / "begun").exists)
        server.command.process.send_signal(signal.SIGTERM)
        assert json.loads(connection.getresponse().read())["output"] == "hello Ada"
    assert server.end() == 0


@pytest.mark.network
def test_it_ends_also_when_nobody_reads_what_it_says(server: Server) -> None:
    """`cogsmith serve 2>&1 | head`: a note that cannot be written must not stop the end."""
    stream = server.command.process.stderr
    assert stream
    stream.close()
    status, _ = server.ask("POST", "/predictions", prompt="boom")
    assert status == 200
    server.command.interrupt()
    assert server.command.process.wait(60) == 130
    assert server.command.left() == []


@pytest.mark.network
def test_a_port_in_use(project: Path, command_environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            ["cogsmith", "serve", "-p", str(port)], cwd=project, text=True, timeout=120,
            env={**os.environ, **command_environment}, capture_output=True, check=False,
        )  # fmt: skip
    assert ended.returncode == 1
    assert (
        f"error: cannot listen at 127.0.0.1:{port}: another program listens there" in ended.stderr
    )
    assert "hint:  choose another port" in ended.stderr
