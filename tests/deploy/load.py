"""A client that never stops asking, and counts what goes wrong."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

CLIENTS = 6
PATIENCE = 60.0


@dataclass
class Load:
    """Answers so far, by what they said; what was no answer is a failure."""

    port: int
    wait: float
    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        body = json.dumps({"input": {"wait": self.wait}})
        try:
            connection.request("POST", "/predictions", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            said = json.loads(answer.read())
            if answer.status == 200 and said["status"] == "succeeded":
                self.answers[said["output"]] += 1
            else:
                self.failures.append(f"{answer.status} {said}")
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.failures.append(repr(error))
        finally:
            connection.close()

    def run(self) -> None:
        while not self.over.is_set():
            self.ask()


@contextmanager
def under_load(port: int, wait: float = 0.3) -> Iterator[Load]:
    """Several clients that ask as long as this lasts; at the end all have their last answer."""
    load = Load(port, wait)
    threads = [threading.Thread(target=load.run) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.over.set()
        for thread in threads:
            thread.join()
