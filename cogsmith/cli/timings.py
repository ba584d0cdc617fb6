"""``--timings``: where the time goes, from the start of this process to the last token."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Timings:
    """Phases in the order in which they happened, in seconds."""

    phases: dict[str, float] = field(default_factory=dict)

    @classmethod
    def since_start(cls) -> Timings:
        """Begin with what starting this process has already cost."""
        return cls({"command line": _age()})

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what happens inside."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - begun)

    def add(self, name: str, seconds: float) -> None:
        """Put seconds on a phase's account."""
        self.phases[name] = self.phases.get(name, 0.0) + seconds

    def lines(self) -> Iterator[str]:
        """A table for people: seconds, share, phase."""
        total = sum(self.phases.values())
        for name, seconds in {**self.phases, "total": total}.items():
            yield f"{seconds:8.3f} s {seconds / total if total else 0:5.0%}  {name}"


def _age() -> float:
    """Seconds since this process began (proc(5), field 22); 0 where the system does not say."""
    try:
        fields = Path("/proc/self/stat").read_text("ascii").rpartition(") ")[2].split()
        uptime = float(Path("/proc/uptime").read_text("ascii").split()[0])
        return max(0.0, uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return 0.0
