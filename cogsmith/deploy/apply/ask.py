"""Questions to a replica: whether it is ready, and if not, whether it ever will be."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from cogsmith.errors import DeployError

__all__ = ["is_ready", "status", "until"]

PAUSE = 1.0  # seconds between two looks
PATIENCE = 5.0  # seconds for an answer


def until(look: Callable[[], bool], *, seconds: float, missed: str) -> None:
    """Look again and again until it is so. Raises DeployError, so worded, when it is late."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            hint = "rollout.timeout says how long it may take"
            raise DeployError(f"{missed} within {seconds:g} s", hint=hint)
        time.sleep(PAUSE)


def is_ready(address: str) -> bool:
    """Whether a server takes predictions.

    Raises DeployError when it says that it never will (``/livez`` is 503: setup() has failed).
    """
    if status(address, "/readyz")[0] == 200:
        return True
    code, word = status(address, "/livez")
    if code == 503:
        raise DeployError(f"the server says {word}", where=address)
    return False


def status(address: str, path: str) -> tuple[int, str]:
    """The status and the first words of an answer; 0 where there is none."""
    url = urlsplit(address)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(200).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()
