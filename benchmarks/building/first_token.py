"""How long it takes from `docker run` to the first token of a stream."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import time

from serving.server import free_port

from building.builders import Place

LIMIT = 180.0  # seconds
BODY = json.dumps({"input": {"prompt": "Once upon a time", "max_tokens": 3}})
HEADERS = {"Content-Type": "application/json", "Accept": "text/event-stream"}


def keep(place: Place, reference: str, name: str) -> None:
    """Pull an image, if the engine has it not, and keep it under another name."""
    _docker(place, "pull", "-q", reference)
    _docker(place, "tag", reference, name)


def drop(place: Place, name: str) -> None:
    """Forget a name."""
    _docker(place, "rmi", "-f", name)


def first_token(place: Place, name: str) -> float:
    """Seconds from the start of a container of a kept image to its first token."""
    port = free_port()
    begun = time.perf_counter()
    container = _docker(place, "run", "-d", "--network", "host", "-e", f"PORT={port}", name)
    try:
        while not _token(port):
            if time.perf_counter() - begun > LIMIT:
                raise RuntimeError(f"no token: {_docker(place, 'logs', container)[-2000:]}")
            time.sleep(0.01)
        return time.perf_counter() - begun
    finally:
        _docker(place, "rm", "-f", container)


def _docker(place: Place, *words: str) -> str:
    done = subprocess.run(
        [place.docker, *words], env={**os.environ, "DOCKER_HOST": place.docker_host}, check=False,
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"docker {words[0]}: {done.stderr}")
    return done.stdout.strip()


def _token(port: int) -> bool:
    """Ask for a stream; whether a token came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("POST", "/predictions", BODY, HEADERS)
        answer = connection.getresponse()
        return answer.status == 200 and any(line.startswith(b"event: output") for line in answer)
    return False
