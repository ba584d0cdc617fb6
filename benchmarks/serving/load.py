"""The load generator, ``load.c``: made on first use, and driven."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("load.c")
CACHE = Path(os.environ.get("COGSMITH_BENCH_CACHE") or Path.home() / ".cache" / "cogsmith-bench")
SSE = {"Accept": "text/event-stream"}


@dataclass(frozen=True, kw_only=True)
class Load:
    """What to ask of a server, and for how long.

    ``bodies`` are taken in turn. New requests stop after ``seconds`` or ``requests``, whichever
    is first, and those under way are waited for ``grace`` seconds more. ``event`` is a string
    that a streamed answer has once for each token. With ``pause``, a refused request is sent
    again after so many seconds, and its time counts from the first try.
    """

    path: str
    bodies: Sequence[str]
    headers: Mapping[str, str] = field(default_factory=dict)
    connections: int = 1
    seconds: float = 1.0
    requests: int = 0
    grace: float = 30.0
    pause: float = 0.0
    event: str = ""


def program() -> Path:
    """The compiled load generator, kept under the name of its source's digest."""
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    made = CACHE / f"load-{digest}"
    if not made.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            new = Path(folder) / "load"
            words = ["gcc", "-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-o", str(new), str(SOURCE)]
            subprocess.run(words, check=True)
            new.rename(made)
    return made


def drive(port: int, load: Load, *, answers: Path | None = None) -> dict[str, Any]:
    """Drive a server on 127.0.0.1; the load generator's own account, times in seconds.

    ``answers`` gets the bodies of all 200s (see :func:`read_answers`). Raises RuntimeError when
    nobody listens there.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as bodies:
        bodies.write("".join(body + "\n" for body in load.bodies))
        bodies.flush()
        words = [
            str(program()), "-c", str(load.connections), "-s", str(load.seconds),
            "-x", str(load.seconds + load.grace), "-p", load.path, "-b", bodies.name,
        ]  # fmt: skip
        for name, value in load.headers.items():
            words += ["-H", f"{name}: {value}"]
        words += ["-n", str(load.requests)] if load.requests else []
        words += ["-e", load.event] if load.event else []
        words += ["-r", str(load.pause)] if load.pause else []
        words += ["-o", str(answers)] if answers else []
        limit = load.seconds + load.grace + 30
        done = subprocess.run([*words, str(port)], check=False, capture_output=True, timeout=limit)
    if done.returncode:
        raise RuntimeError(done.stderr.decode("utf-8", "replace"))
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def read_answers(path: Path) -> dict[int, tuple[int, bytes]]:
    """What a run kept: by the request's number, which body was sent and what came back."""
    found = {}
    with path.open("rb") as file:
        while line := file.readline():
            number, body, length = map(int, line.split())
            found[number] = (body, file.read(length))
            file.read(1)
    return found
