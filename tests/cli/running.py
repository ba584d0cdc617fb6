"""Real commands that are started, watched, interrupted; and an index of ours that can be slow."""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.environment.wheels import make_wheel

MARK = "STARTED_BY_TEST"
PATIENCE = 60.0


@dataclass
class Running:
    """A command under way; ``mark`` is in the environment of all that it starts."""

    process: subprocess.Popen[str]
    mark: str

    def interrupt(self) -> None:
        """What a terminal does on Ctrl-C: a signal to the whole foreground group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err

    def left(self) -> list[str]:
        """Processes that this command has started and that are still there, given a moment."""
        until(lambda: not _marked(self.mark), or_else=lambda: None)
        return _marked(self.mark)


@contextmanager
def running(*words: str, folder: Path, environment: dict[str, str]) -> Iterator[Running]:
    """Start a command; it is gone at the end, whatever happens."""
    mark = f"{folder}:{time.monotonic_ns()}"
    process = subprocess.Popen(
        words, cwd=folder, env={**os.environ, **environment, MARK: mark}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    with process:
        try:
            yield Running(process, mark)
        finally:
            process.kill()


def until(true: Callable[[], object], or_else: Callable[[], object] | None = None) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            assert or_else, "it never came to be"
            or_else()
            return
        time.sleep(0.01)


def _marked(mark: str) -> list[str]:
    """The command lines of the processes that have the mark in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it has ended, or is somebody else's
    return [words for words in found if words]  # a zombie has no words


class SlowIndex(http.server.ThreadingHTTPServer):
    """A package index with ``cog`` and ``thing``; it keeps who asks for ``held`` waiting."""

    daemon_threads = True

    def __init__(self, folder: Path, held: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.held = folder, held
        self.reached, self.released = threading.Event(), threading.Event()
        for name, version in (("cog", "0.23.1"), ("thing", "1.0")):
            make_wheel(folder, name, version)

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make this index the only source of packages."""
        return {
            "UV_DEFAULT_INDEX": f"http://127.0.0.1:{self.server_port}/simple",
            "UV_FIND_LINKS": "", "UV_HTTP_RETRIES": "0", "UV_NO_CONFIG": "1",
            "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "",
        }  # fmt: skip


class _Handler(http.server.BaseHTTPRequestHandler):
    server: SlowIndex

    def do_GET(self) -> None:
        name = self.path.strip("/").split("/")[-1]
        if name == self.server.held:
            self.server.reached.set()
            self.server.released.wait(PATIENCE)
            return
        body = self._metadata(name) if name.endswith(".metadata") else self._page(name)
        if name.endswith(".whl"):
            body = (self.server.folder / name).read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _page(self, name: str) -> bytes:
        wheels = self.server.folder.glob(f"{name}-*.whl")
        link = '<a href="/files/{0}" data-core-metadata="true">{0}</a>'
        return "".join(link.format(wheel.name) for wheel in wheels).encode()

    def _metadata(self, name: str) -> bytes:
        project, version, *_ = name.split("-")
        return f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n".encode()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def slow_index(folder: Path, *, held: str = "") -> Iterator[SlowIndex]:
    """Serve the index; who is kept waiting is let go at the end."""
    with SlowIndex(folder, held) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()
