"""What Cog's server writes: one JSON object a line, the author's words in some of them.

``{"timestamp", "level", "fields": {"message", "source"}, "target"}``; ``source`` is there, and is
Stdout or Stderr, where the author's code wrote it (coglet 0.17 and later).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from cogsmith.prediction import Log

__all__ = ["Plain"]

BEGIN = '{"timestamp"'
LOUD = ("ERROR",)


@dataclass(slots=True)
class Plain:
    """Logs of a container → the author's words, as they wrote them; of the server's, errors.

    What is no such object passes as it is, at once; an object is waited for until it is whole.
    """

    rest: dict[str, str] = field(default_factory=dict)

    def take(self, log: Log) -> Iterator[Log]:
        """What is to be shown now."""
        text = self.rest.pop(log.source, "") + log.text
        *lines, last = text.split("\n")
        for line in lines:
            yield from _told(log, line)
        if last and (last.startswith(BEGIN) or BEGIN.startswith(last)):
            self.rest[log.source] = last
        elif last:
            yield Log(source=log.source, text=last)


def _told(log: Log, line: str) -> Iterator[Log]:
    said = _object(line)
    fields = said.get("fields")
    if not isinstance(fields, dict):
        yield Log(source=log.source, text=f"{line}\n")
        return
    source = fields.get("source")
    if source is not None or said.get("level") in LOUD:
        stream: Literal["stdout", "stderr"] = "stdout" if source == "Stdout" else "stderr"
        yield Log(source=stream, text=f"{fields.get('message', '')}\n")


def _object(line: str) -> dict[str, Any]:
    if not line.startswith(BEGIN):
        return {}
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
