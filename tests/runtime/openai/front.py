"""A front of a few lines: the dialect over HTTP, its predictions from a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from cogsmith.prediction import Event
from cogsmith.runtime.openai import Answer, ApiError, Asked, Dialect

Script = Callable[[Asked], Iterable[tuple[int, Event]]]


@contextmanager
def serving(dialect: Dialect, script: Script) -> Iterator[str]:
    """The base URL of a server whose predictions do what the script says."""

    class Handler(_Handler):
        pass

    Handler.dialect, Handler.script = dialect, staticmethod(script)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    dialect: Dialect
    script: Script

    def do_GET(self) -> None:
        name = unquote(self.path.removeprefix("/v1/models").strip("/"))
        try:
            self.answer(200, self.dialect.describe(name) if name else self.dialect.models())
        except ApiError as error:
            self.answer(error.status, error.body())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        ask = self.dialect.chat if self.path == "/v1/chat/completions" else self.dialect.completion
        try:
            asked = ask(body, id="42")
            answer = Answer(asked, created=1_800_000_000)
            self.predict(asked, answer)
        except ApiError as error:
            self.answer(error.status, error.body())

    def predict(self, asked: Asked, answer: Answer) -> None:
        """The header waits for the first bytes, so that a failure before them has its status."""
        begun = False
        for choice, event in self.script(asked):
            data = answer.take(choice, event)
            if data and not begun:
                begun = True
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
            self.wfile.write(data)
        if not asked.stream:
            self.answer(200, answer.body())

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""
