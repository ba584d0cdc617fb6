"""The real server: started as an image starts it, asked over real sockets, always ended."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any, TypeVar

from cogsmith.testing import PREDICTORS

PATIENCE = 60.0  # seconds; only a test that hangs ever gets there
PAUSE = 0.01  # seconds between two looks
ENDED = frozenset({"succeeded", "failed", "canceled"})
EVENTS = "text/event-stream"
LISTENING = re.compile(r"listening at http://[^\s:]+:(\d+)")

T = TypeVar("T")


def until(look: Callable[[], T], patience: float = PATIENCE) -> T:
    """Look again and again until there is something to see."""
    end = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(PAUSE)
    return found


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Event:
    """A server-sent event, and when its last byte was read."""

    name: str
    data: Any
    at: float


class Stream:
    """An answer that comes in pieces, read as it comes."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection
        self._response = connection.getresponse()
        self.status = self._response.status
        self.headers = {name.lower(): value for name, value in self._response.getheaders()}

    def __iter__(self) -> Iterator[Event]:
        yield from self._parsed(self._response.readline, lambda: time.monotonic())
        self.leave()

    def next(self, name: str) -> Event:
        """The next event of this name."""
        return next(event for event in self if event.name == name)

    def rest(self) -> list[Event]:
        """All that follow, with the time of the last one."""
        text = io.BytesIO(self._response.read())
        self.leave()
        at = time.monotonic()
        return list(self._parsed(text.readline, lambda: at))

    def _parsed(self, line: Callable[[], bytes], clock: Callable[[], float]) -> Iterator[Event]:
        name = ""
        while found := line():
            if found.startswith(b"event: "):
                name = found[7:].strip().decode()
            elif found.startswith(b"data: "):
                yield Event(name, json.loads(found[6:]), clock())

    def leave(self) -> None:
        """Close the connection, whatever is still to come."""
        self._response.close()
        self._connection.close()


@dataclass
class Server:
    """A running server, and what it has said so far."""

    process: subprocess.Popen[str]
    port: int
    said: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # --- asking

    def connection(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request on a connection of its own; ``body`` is JSON unless it is bytes."""
        with contextlib.closing(self.connection()) as connection:
            return asked(connection, method, path, body, **headers)

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.ask("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.ask("PUT", path, body, **headers)

    def predict(self, **inputs: Any) -> Any:
        """The reply of a prediction that was waited for."""
        answer = self.post("/predictions", {"input": inputs})
        assert answer.status == 200, answer
        return answer.json

    def begin(self, name: str, inputs: Mapping[str, Any], **more: Any) -> None:
        """Start a prediction that goes on without us."""
        body = {"id": name, "input": inputs, **more}
        answer = self.post("/predictions", body, prefer="respond-async")
        assert answer.status == 202, answer

    def stream(
        self, method: str, path: str, body: Any, headers: Mapping[str, str] | None = None
    ) -> Stream:
        """Ask for server-sent events."""
        connection = self.connection()
        sent(connection, method, path, body, {"accept": EVENTS, **(headers or {})})
        return Stream(connection)

    def events(self, **inputs: Any) -> Stream:
        """A prediction, event by event."""
        return self.stream("POST", "/predictions", {"input": inputs})

    @contextlib.contextmanager
    def waiting(self, name: str, **inputs: Any) -> Iterator[HTTPConnection]:
        """A client that waits for its prediction; leaves at the end, answered or not."""
        with contextlib.closing(self.connection()) as connection:
            sent(connection, "POST", "/predictions", {"id": name, "input": inputs}, {})
            yield connection

    def raw(self, data: bytes) -> socket.socket:
        """A socket on which these bytes were sent."""
        found = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        found.sendall(data)
        return found

    # --- looking

    def state(self, name: str) -> Any:
        """``GET /predictions/{id}``; an empty object when it is not known."""
        return self.get(f"/predictions/{name}").json

    def until(self, name: str, *statuses: str) -> Any:
        """Wait until a prediction has one of these statuses; answers its state."""
        return until(lambda: (now := self.state(name)).get("status") in statuses and now)

    def ended(self, name: str) -> Any:
        return self.until(name, *ENDED)

    def logged(self, name: str, words: str) -> Any:
        """Wait until a prediction has printed this."""
        return until(lambda: words in (now := self.state(name)).get("logs", "") and now)

    def cancel(self, name: str) -> int:
        return self.post(f"/predictions/{name}/cancel").status

    def health(self) -> Any:
        return self.get("/health-check").json

    def is_(self, *statuses: str) -> Any:
        """Wait until the health is one of these; answers it."""
        return until(lambda: (now := self.health())["status"] in statuses and now)

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers that live."""
        return children(self.process.pid)

    def memory(self) -> int:
        """What the front holds, in bytes."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    # --- ending

    def tell(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for the end that somebody has asked for; answers the exit status."""
        return self.process.wait(PATIENCE)


def asked(
    connection: HTTPConnection, method: str, path: str, body: Any = None, **headers: str
) -> Answer:
    """Send a request and read its answer on a connection that may be used again."""
    sent(connection, method, path, body, headers)
    return read(connection)


def sent(
    connection: HTTPConnection, method: str, path: str, body: Any, headers: Mapping[str, str]
) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    if body is not None:
        named = {"content-type": "application/json", **named}
    connection.request(method, path, body, named)


def read(connection: HTTPConnection) -> Answer:
    response = connection.getresponse()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


def launch(
    reference: str, *words: str, project: Path = PREDICTORS, **environ: str
) -> subprocess.Popen[str]:
    """Start a server for a predictor, ``echo`` or ``file.py:Name``, at a free port."""
    stub = reference if ":" in reference else f"{reference}.py:Predictor"
    command = (sys.executable, "-m", "cogsmith.runtime", "--host", "127.0.0.1", "--port", "0")
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COG_", "COGSMITH_")) and name not in ("PORT", "WEBHOOK_AUTH_TOKEN")
    }
    return subprocess.Popen(
        (*command, *words), cwd=project, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**inherited, "COG_PREDICT_TYPE_STUB": stub, **environ},
    )  # fmt: skip


@contextlib.contextmanager
def serving(
    reference: str, *words: str, project: Path = PREDICTORS, wait: bool = True, **environ: str
) -> Iterator[Server]:
    """Serve a predictor, and wait until it is ready; ``words`` are options."""
    process = launch(reference, *words, project=project, **environ)
    said: list[str] = []
    with process, ending(process):
        port = _port(process, said)
        server = Server(process, port, said)
        if wait:
            until(lambda: server.get("/readyz").status == 200 or _alive(process, said))
        yield server


@contextlib.contextmanager
def ending(process: subprocess.Popen[str]) -> Iterator[None]:
    """Whatever happens, nothing of it stays behind."""
    try:
        yield
    finally:
        workers = children(process.pid)
        process.kill()
        process.wait()
        for pid in workers:  # they end by themselves, but for one that hangs with the GIL held
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _port(process: subprocess.Popen[str], said: list[str]) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if found := LISTENING.search(line):
            # What it says is read, so that it never has to wait.
            threading.Thread(target=_hear, args=(process.stdout, said), daemon=True).start()
            return int(found[1])
    raise AssertionError(f"the server ended before it listened:\n{''.join(said)}")


def _hear(stream: IO[str], said: list[str]) -> None:
    with contextlib.suppress(ValueError):  # closed meanwhile
        said.extend(stream)


def _alive(process: subprocess.Popen[str], said: list[str]) -> bool:
    assert process.poll() is None, f"the server ended:\n{''.join(said)}"
    return False


def children(pid: int) -> list[int]:
    """The processes that a process has started and that live (Linux)."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and (stat := _stat(folder)):
            state, parent = stat
            if parent == pid and state != "Z":
                found.append(int(folder.name))
    return sorted(found)


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    stat = _stat(Path(f"/proc/{pid}"))
    return stat is not None and stat[0] != "Z"


def _stat(folder: Path) -> tuple[str, int] | None:
    try:
        state, parent = (folder / "stat").read_text("latin-1").rpartition(")")[2].split()[:2]
    except (OSError, ValueError):
        return None
    return state, int(parent)
