"""Where the time of loading goes."""

from __future__ import annotations

import time

__all__ = ["Phases"]


class Phases:
    """Seconds from one mark to the next."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def end(self, name: str) -> None:
        """End this phase now, and begin the next one."""
        now = time.perf_counter()
        self.seconds[name] = now - self._last
        self._last = now
