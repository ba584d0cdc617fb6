"""The server in a container, which speaks Cog's HTTP API: asked how it is, what it takes, to run.

Requests go where the engine has published the port, over no proxy.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from cogsmith.container.replies import events_of_reply, events_of_stream, refusal
from cogsmith.errors import PredictionError, WorkerCrashed
from cogsmith.prediction import Event, Started

__all__ = ["Asked", "Model"]

PATIENCE = 10.0  # seconds for an answer that takes no work
EVENTS = "text/event-stream"
NOT_ACCEPTABLE = 406


class _NotStreaming(Exception):
    """The server has no stream of events for this model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One prediction, or training, that a server is asked for.

    ``stream``: events are wanted as they come; the model has said that it streams. ``iterator``:
    its output is declared to come in pieces.
    """

    id: str
    inputs: Mapping[str, Any]
    context: Mapping[str, str] = field(default_factory=dict)
    train: bool = False
    stream: bool = False
    iterator: bool = False

    @property
    def path(self) -> str:
        """Where it is asked for."""
        return "/trainings" if self.train else "/predictions"

    def body(self) -> bytes:
        """The request's body."""
        told: dict[str, Any] = {"id": self.id, "input": dict(self.inputs)}
        if self.context:
            told["context"] = dict(self.context)
        return json.dumps(told).encode()


@dataclass(frozen=True, slots=True)
class Model:
    """A model's server at a host and a port."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else (
            f"http://{self.host}:{self.port}"
        )  # fmt: skip

    def health(self) -> Mapping[str, Any] | None:
        """What it says of its state; None while it does not answer, {} where it cannot say."""
        try:
            with self._reply("GET", "/health-check", patience=PATIENCE) as reply:
                data = reply.read()
        except (OSError, http.client.HTTPException):
            return None
        if reply.status == 404:
            return {}  # servers of Cog's before 0.7 answer only when they are ready
        return _object(data) if reply.status == 200 else None

    def schema(self) -> Mapping[str, Any]:
        """Its OpenAPI document. Raises PredictionError when it has none."""
        with _spoken(), self._reply("GET", "/openapi.json", patience=PATIENCE) as reply:
            data = reply.read()
        found = _object(data) if reply.status == 200 else {}
        if "openapi" not in found:
            message = f"the image's server has no /openapi.json: it answers {reply.status}"
            raise PredictionError(message, hint="only images that speak Cog's HTTP API can be run")
        return found

    def run(self, asked: Asked) -> Iterator[Event]:
        """Ask for a prediction: its events as they come, the last is Finished.

        Raises InvalidInput and PredictionError for what the server refuses, and WorkerCrashed
        when it goes away.
        """
        yield Started(at=time.time())
        with _spoken():
            try:
                yield from self._events(asked)
            except _NotStreaming:  # its label says more than its server does
                yield from self._events(replace(asked, stream=False))

    def _events(self, asked: Asked) -> Iterator[Event]:
        headers = {"Content-Type": "application/json"}
        if asked.stream:
            headers["Accept"] = EVENTS
        with self._reply("POST", asked.path, body=asked.body(), headers=headers) as reply:
            if reply.status == NOT_ACCEPTABLE and asked.stream:
                raise _NotStreaming
            if not 200 <= reply.status < 300:
                raise refusal(reply.status, reply.reason, reply.read(1 << 20))
            if reply.headers.get_content_type() == EVENTS:
                yield from events_of_stream(iter(reply.readline, b""), at=time.time())
                return
            told = _object(reply.read())
        yield from events_of_reply(told, iterator=asked.iterator, at=time.time())

    def cancel(self, asked: Asked) -> None:
        """Take it back. That the server is gone, or has ended it, is well enough."""
        path = f"{asked.path}/{quote(asked.id, safe='')}/cancel"
        try:
            with self._reply("POST", path, patience=PATIENCE) as reply:
                reply.read()
        except (OSError, http.client.HTTPException):
            return

    @contextmanager
    def _reply(
        self, method: str, path: str, *, patience: float | None = None, body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[http.client.HTTPResponse]:  # fmt: skip
        connection = http.client.HTTPConnection(self.host, self.port, timeout=patience)
        try:
            connection.request(method, path, body or None, dict(headers or {}))
            yield connection.getresponse()
        finally:
            connection.close()


@contextmanager
def _spoken() -> Iterator[None]:
    """A conversation that breaks off is the server's end."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        raise WorkerCrashed(f"the server in the container is gone: {reason}") from error


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
