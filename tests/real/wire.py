"""Plain HTTP to a server in a container, and the events of a stream with their times."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PATIENCE = 120.0  # seconds


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Event:
    """One event of a stream; ``at`` in seconds since it was asked for."""

    name: str
    data: Any
    at: float


def get(address: str, path: str) -> Answer:
    return _ask(address, "GET", path, None)


def predict(address: str, **inputs: object) -> dict[str, Any]:
    """POST /predictions; the prediction, which must have succeeded."""
    answer = _ask(address, "POST", "/predictions", {"input": inputs})
    assert answer.status == 200, answer.body
    prediction: dict[str, Any] = answer.json()
    assert prediction["status"] == "succeeded", prediction
    return prediction


def stream(address: str, **inputs: object) -> Iterator[Event]:
    """The events of a prediction, as they come."""
    connection = http.client.HTTPConnection(address, timeout=PATIENCE)
    begun = time.monotonic()
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
    try:
        connection.request("POST", "/predictions", json.dumps({"input": inputs}), headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        name = ""
        for raw in answer:
            line = raw.decode().rstrip("\n")
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                yield Event(name, json.loads(line[6:]), time.monotonic() - begun)
    finally:
        connection.close()


def _ask(address: str, method: str, path: str, body: object) -> Answer:
    connection = http.client.HTTPConnection(address, timeout=PATIENCE)
    try:
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return Answer(answer.status, answer.read())
    finally:
        connection.close()
