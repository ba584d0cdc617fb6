"""A receiver of webhooks and uploads for tests: a real HTTP server, in threads of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE = 60.0  # seconds; only a test that hangs ever gets there


@dataclass(frozen=True)
class Seen:
    """One request, as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


OK = Reply()
Answers = Callable[[Seen, int], Reply]


@dataclass
class Receiver:
    """What was received so far; ``answers`` gets a request and its number, from 0."""

    answers: Answers = lambda _seen, _number: OK
    seen: list[Seen] = field(default_factory=list)
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def taken(self, request: Seen) -> int:
        with self.lock:
            self.seen.append(request)
            return len(self.seen) - 1

    @property
    def bodies(self) -> list[bytes]:
        return [seen.body for seen in self.seen]


def replies(*statuses: int) -> Answers:
    """These statuses one after the other, the last one for ever."""
    return lambda _seen, number: Reply(statuses[min(number, len(statuses) - 1)])


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = Seen(self.command, self.path, headers, body)
            reply = receiver.answers(seen, receiver.taken(seen))
            self.send_response(reply.status)
            for name, value in {"content-length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_POST = do_PUT = do_GET = _any  # noqa: N815 - the names that http.server looks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is not worth a traceback."""


@contextlib.contextmanager
def serving(receiver: Receiver, port: int = 0) -> Iterator[Receiver]:
    """Serve on a port of this machine, by default a free one."""
    server = _Server(("127.0.0.1", port), _handler(receiver))
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def receiving(answers: Answers | None = None) -> contextlib.AbstractContextManager[Receiver]:
    return serving(Receiver(answers) if answers else Receiver())


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """The URL of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
