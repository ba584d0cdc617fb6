"""From the child's frames to events."""

from __future__ import annotations

import json

from cogsmith.prediction import Event, Log, Metric, Output
from cogsmith.runtime.worker.frames import Kind


def event_of(kind: int, payload: bytes, index: int) -> Event | None:
    """The event that a frame carries; None for a kind that this version does not know."""
    if kind == Kind.OUTPUT:
        return Output(json=payload, index=index)
    if kind == Kind.STDOUT:
        return Log(source="stdout", text=payload.decode("utf-8", "replace"))
    if kind == Kind.STDERR:
        return Log(source="stderr", text=payload.decode("utf-8", "replace"))
    if kind == Kind.METRIC:
        name, value, mode = json.loads(payload)
        return Metric(name=name, value=value, mode=mode)
    if kind == Kind.OUTPUT_WITH_FILES:
        length = 4 + int.from_bytes(payload[:4], "little")
        files = tuple(json.loads(payload[4:length]))
        return Output(json=payload[length:], files=files, index=index)
    return None
