"""Run commands, and watch how long they take and how much memory their process trees have."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from serving.server import tree

PAGE = os.sysconf("SC_PAGE_SIZE")
EVERY = 0.05  # seconds between two looks
LIMIT = 1200.0  # seconds; what takes longer has failed


@dataclass(frozen=True)
class Run:
    """What a command took: seconds, and at its peak MiB resident in all processes at work."""

    seconds: float
    peak: float
    output: str


def run(
    words: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    also: Callable[[], Iterable[int]] = tuple,
) -> Run:
    """Run a command to its end. ``also`` names processes that work for it elsewhere.

    Raises RuntimeError, with what it said, when it fails.
    """
    begun = time.perf_counter()
    process = subprocess.Popen(
        words, cwd=folder, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    watch = _Watch(lambda: {*tree(process.pid), *also()})
    with watch:
        try:
            output, _ = process.communicate(timeout=LIMIT)
        finally:
            process.kill()
    seconds = time.perf_counter() - begun
    if process.returncode:
        raise RuntimeError(f"{' '.join(words[:3])}: code {process.returncode}\n{output[-3000:]}")
    return Run(seconds, watch.peak / 2**20, output)


class _Watch(threading.Thread):
    """Looks again and again how much memory some processes have."""

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        super().__init__(daemon=True)
        self.pids, self.peak, self.done = pids, 0, threading.Event()

    def run(self) -> None:
        """Look until it is over."""
        while not self.done.wait(EVERY):
            self.peak = max(self.peak, sum(map(resident, self.pids())))

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.join()


def resident(pid: int) -> int:
    """Bytes of a process that are in memory now; 0 when it is gone."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    return 0


def working_for(folder: Path) -> set[int]:
    """The processes that name a folder in their command line, and all that come from them.

    An engine's shims are nobody's children; each names the engine's folder.
    """
    found: set[int] = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in (process / "cmdline").read_bytes():
                found.update(tree(int(process.name)))
    return found - {os.getpid()}
