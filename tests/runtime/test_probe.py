"""HEALTHCHECK's question, asked as an image asks it: by a bare interpreter, of a real socket."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROBE = Path(__file__).parents[2] / "cogsmith" / "runtime" / "probe.py"


def probe(port: int | str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", str(PROBE)], env={"PORT": str(port)}, text=True,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip


@contextmanager
def answering(*pieces: bytes) -> Iterator[int]:
    """A server that says the same to everybody, in pieces."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                for piece in pieces:
                    connection.sendall(piece)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("pieces", "code", "said"),
    [
        ((b"HTTP/1.1 200 OK\r\n\r\nREADY",), 0, "READY"),
        ((b"HTTP/1.1 200 OK\r\nx: y", b"\r\n\r\nRE", b"ADY"), 0, "READY"),
        ((b"HTTP/1.1 503 Service Unavailable\r\n\r\nSTARTING",), 1, "STARTING"),
        ((b"HTTP/1.1 503 Service Unavailable\r\n\r\nREADY",), 1, "not READY"),
        ((b"HTTP/1.1 404 Not Found\r\n\r\n",), 1, ""),
        ((b"",), 1, ""),
    ],
)
def test_well_is_who_says_so(pieces: tuple[bytes, ...], code: int, said: str) -> None:
    with answering(*pieces) as port:
        told = probe(port)
    assert told.returncode == code
    assert (told.stdout if code == 0 else told.stderr).strip() == said


def test_where_nobody_listens_nobody_is_well() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    told = probe(port)
    assert told.returncode == 1
    assert "refused" in told.stderr.lower()


def test_a_port_that_is_none_is_said_and_no_traceback() -> None:
    told = probe("http")
    assert told.returncode == 1
    assert "Traceback" not in told.stderr
