"""``python -I -S probe.py``: a container's health, asked of the server as ``HEALTHCHECK`` does.

Exit code 0 when predictions are taken (``GET /readyz`` says 200), else 1 with what was said. Run
as a file and by a bare interpreter: an image runs it every few seconds.
"""

from __future__ import annotations

import os
import socket
import sys

TIMEOUT = 4.0  # seconds; the image gives five to all of this


def main() -> int:
    """Ask; answers the exit code."""
    try:
        said = ask(int(os.environ.get("PORT") or 5000))
    except (OSError, ValueError) as error:
        said = str(error)
    ready = said.startswith("READY")
    (sys.stdout if ready else sys.stderr).write(f"{said}\n")
    return 0 if ready else 1


def ask(port: int) -> str:
    """The state in the server's word; READY where it takes predictions. Raises OSError."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
        connection.sendall(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        answer = b""
        while data := connection.recv(4096):
            answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    word = body.decode("utf-8", "replace").strip()
    status = head.split(b" ", 2)[1:2]
    return word if status == [b"200"] or not word.startswith("READY") else f"not {word}"


if __name__ == "__main__":
    sys.exit(main())
