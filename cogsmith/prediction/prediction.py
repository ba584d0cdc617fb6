"""One run of a model, as it stands after the events so far."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cogsmith.prediction.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A record that ``advance`` moves on.

    ``input`` is what may be shown to people: whoever makes the record has starred its
    secrets. ``iterator`` says whether ``chunks`` are the items of a list or hold the one
    whole value; they are JSON texts. Times are seconds since 1970 in UTC, None until known.
    """

    id: str
    input: Mapping[str, Any] = field(default_factory=dict)
    iterator: bool = False
    status: Status = Status.STARTING
    chunks: tuple[bytes, ...] = ()
    files: tuple[str, ...] = ()
    logs: str = ""
    error: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    created_at: float | None = None
    started_at: float | None = None
    completed_at: float | None = None

    @property
    def output(self) -> Any:
        """The output so far: a list for an iterator, the value for anything else, or None."""
        if not self.chunks:
            return None
        if self.iterator:
            return json.loads(b"[%b]" % b",".join(self.chunks))
        return json.loads(self.chunks[-1])
