"""A server of scripted answers, told by the test what to say next.

It stands in for the real one where a test needs to hold a stream still, or an answer that the
real server gives only on a bad day.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cogsmith.runtime.page import HEADERS, asset
from cogsmith.signature import load, openapi

HERE = Path(__file__).parent
READY = {"status": "READY", "setup": {"status": "succeeded", "logs": ""}}
END = object()

Answer = tuple[int, Any]  # a status and a JSON value (a text stays a text)


def document(source: Path, name: str = "Predictor") -> dict[str, Any]:
    """The OpenAPI document of a predictor in a file."""
    return json.loads(json.dumps(openapi(load(source.parent, f"{source.name}:{name}"))))


class Fake:
    """What the server says, and what it was asked."""

    def __init__(self, described: dict[str, Any]) -> None:
        self.document = described
        self.health: dict[str, Any] = READY
        self.key: str | None = None
        self.models: list[str] | None = None
        self.streams = True
        self.prefix = ""  # the path under which a proxy puts the server
        self.answer: Answer | None = None  # to a prediction, instead of a stream
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.coming: queue.Queue[Any] = queue.Queue()
        self.canceled = threading.Event()
        self.url = ""

    def say(self, event: str, **data: Any) -> None:
        """One event of the stream that is open, or of the next."""
        self.coming.put((event, data))

    def write(self, *words: str) -> None:
        for index, word in enumerate(words):
            self.say("output", chunk=word, index=index)

    def finish(self, **more: Any) -> None:
        """The last event, and the end of the stream."""
        self.say("completed", **{"status": "succeeded", "metrics": {"predict_time": 1.25}, **more})
        self.coming.put(END)

    def described(self) -> dict[str, Any]:
        """The document, with OpenAI's dialect in it when that is spoken."""
        dialect = {"/v1/models": {"get": {"summary": "Models"}}} if self.models else {}
        return {**self.document, "paths": self.document["paths"] | dialect}

    def break_off(self) -> None:
        self.coming.put(END)

    def predictions(self) -> list[tuple[str, dict[str, str], Any]]:
        """Path, headers and body of the predictions that were asked for."""
        return [(path, h, body) for method, path, h, body in self.asked if method == "PUT"]


def handler(fake: Fake) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Nothing."""

        def send(self, status: int, body: bytes, content_type: str, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": content_type, **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def json(self, status: int, value: Any) -> None:
            if isinstance(value, str):
                return self.send(status, value.encode(), "text/plain; charset=utf-8")
            return self.send(status, json.dumps(value).encode(), "application/json")

        def handle_one(self, method: str) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            self.path = self.path.removeprefix(fake.prefix)
            fake.asked.append((method, self.path, dict(self.headers), body))
            page = asset(self.path)
            if page and method == "GET":
                return self.send(200, *page, **HEADERS)
            allowed = (None, self.headers.get("Authorization"))
            if (f"Bearer {fake.key}" if fake.key else None) not in allowed:
                return self.json(401, {"detail": "a key is needed"})
            return self.route(method)

        def route(self, method: str) -> None:
            fixed: dict[str, Callable[[], Answer]] = {
                "/openapi.json": lambda: (200, fake.described()),
                "/health-check": lambda: (200, fake.health),
            }
            if self.path in fixed:
                return self.json(*fixed[self.path]())
            if self.path == "/v1/models" and fake.models is not None:
                return self.json(200, {"data": [{"id": name} for name in fake.models]})
            if self.path.endswith("/cancel"):
                fake.canceled.set()
                fake.finish(status="canceled")
                return self.json(200, {})
            if method == "PUT" or self.path == "/predictions":
                return self.predict()
            return self.json(404, {"detail": "Not Found"})

        def predict(self) -> None:
            wants_stream = self.headers["Accept"] == "text/event-stream"
            if wants_stream and not fake.streams:
                return self.json(406, {"error": "This model does not support streaming responses."})
            if fake.answer:
                return self.json(*fake.answer)
            return self.stream()

        def stream(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            while (event := fake.coming.get()) is not END:
                name, data = event
                text = f": keep-alive\n\nevent: {name}\ndata: {json.dumps(data)}\n\n"
                self.wfile.write(text.encode())

        def do_GET(self) -> None:
            self.handle_one("GET")

        def do_PUT(self) -> None:
            self.handle_one("PUT")

        def do_POST(self) -> None:
            self.handle_one("POST")

    return Handler


@contextmanager
def served(described: dict[str, Any]) -> Iterator[Fake]:
    """A fake on a port of its own."""
    fake = Fake(described)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(fake)) as server:
        server.daemon_threads = True
        fake.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield fake
        finally:
            fake.coming.put(END)
            server.shutdown()
            thread.join()
