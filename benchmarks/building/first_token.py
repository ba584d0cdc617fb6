"""How long it takes from `docker run` to the first token of a stream."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import time
from collections.abc import Iterator

from serving.server import free_port

from building.builders import Place

LIMIT = 180.0  # seconds
BODY = json.dumps({"input": {"prompt": "Once upon a time", "max_tokens": 3}})
HEADERS = {"Content-Type": "application/json", "Accept": "text/event-stream"}


def first_token(place: Place, reference: str, times: int) -> Iterator[float]:
    """Seconds, so many times; the image is pulled before, if the engine has it not."""
    environment = {**os.environ, "DOCKER_HOST": place.docker_host}

    def docker(*words: str) -> str:
        done = subprocess.run(
            [place.docker, *words], env=environment, check=False, capture_output=True, text=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"docker {words[0]}: {done.stderr}")
        return done.stdout.strip()

    docker("pull", "-q", reference)
    for _ in range(times):
        port = free_port()
        begun = time.perf_counter()
        name = docker("run", "-d", "--network", "host", "-e", f"PORT={port}", reference)
        try:
            while not _token(port):
                if time.perf_counter() - begun > LIMIT:
                    raise RuntimeError(f"no token: {docker('logs', name)[-2000:]}")
                time.sleep(0.01)
            yield time.perf_counter() - begun
        finally:
            docker("rm", "-f", name)


def _token(port: int) -> bool:
    """Ask for a stream; whether a token came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("POST", "/predictions", BODY, HEADERS)
        answer = connection.getresponse()
        return answer.status == 200 and any(line.startswith(b"event: output") for line in answer)
    return False
