"""The real server, started as an image starts it, on a port of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 60.0  # seconds; only a server that hangs ever gets there
LISTENING = re.compile(r"(?:listening|serving)\D* at (?:http://)?[^\s:]+:(\d+)", re.IGNORECASE)


@contextmanager
def started(*words: str | Path, cwd: Path, **environ: str) -> Iterator[str]:
    """Start a server and end it; answers its address."""
    process = subprocess.Popen(
        words, cwd=cwd, env={**os.environ, **environ}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    with process:
        try:
            number = port(process)
            # what it says from now on is read, so that it never has to wait
            reader = threading.Thread(target=process.stdout.read, daemon=True)
            reader.start()
            yield f"http://127.0.0.1:{number}"
        finally:
            end(process)
        reader.join(PATIENCE)


def end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


def port(process: subprocess.Popen[str]) -> int:
    """Wait until it listens, and read where."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if found := LISTENING.search(line):
            return int(found[1])
    raise AssertionError(f"the server ended before it listened:\n{said}")


@contextmanager
def runtime(reference: str, project: Path, **environ: str) -> Iterator[str]:
    """``python -m cogsmith.runtime`` on a predictor."""
    words = (sys.executable, "-m", "cogsmith.runtime", "--host", "127.0.0.1", "--port", "0")
    with started(*words, cwd=project, COG_PREDICT_TYPE_STUB=reference, **environ) as url:
        yield url
