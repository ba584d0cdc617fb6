"""Stop sequences in streamed text: nothing is sent that might turn out to be one."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["StopScanner"]


class StopScanner:
    """Lets text through up to the first stop sequence.

    The first is the one that is complete first; of two that end together, the longer. So the
    outcome does not depend on how the text was cut into pieces.

    >>> scanner = StopScanner(["END"])
    >>> scanner.push("the E"), scanner.push("ND of it"), scanner.found
    ('the ', '', 'END')
    """

    def __init__(self, stops: Iterable[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.found: str | None = None

    def push(self, text: str) -> str:
        """Take new text; give what can no longer be part of a stop sequence."""
        if self.found is not None:
            return ""
        if not self._stops:
            return text
        text = self._held + text
        if hits := [
            (at + len(stop), at, stop) for stop in self._stops if (at := text.find(stop)) >= 0
        ]:
            _, at, self.found = min(hits)
            self._held = ""
            return text[:at]
        sent = len(text) - self._suspects(text)
        self._held = text[sent:]
        return text[:sent]

    def flush(self) -> str:
        """What was held back, now that no more text comes."""
        held, self._held = self._held, ""
        return held

    def _suspects(self, text: str) -> int:
        """Characters at the end of the text that may begin a stop sequence."""
        longest = max(len(stop) for stop in self._stops) - 1
        for size in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-size:]) for stop in self._stops if len(stop) > size):
                return size
        return 0
