"""From the child's frames to events."""

from __future__ import annotations

import json

from cogsmith.prediction import Event, Finished, Log, Metric, Output, Status
from cogsmith.runtime.worker.frames import SUCCEEDED, Kind


def event_of(kind: int, payload: bytes) -> Event | None:
    """The event that a frame carries; None for a kind that this version does not know.

    Plain outputs are not asked about here: they are too many to become objects on the way.
    """
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
        return Output(json=payload[length:], files=files)
    return None


def finished_of(payload: bytes, at: float) -> Finished:
    """The end that a frame tells of; nearly always it is the same text with another number."""
    if payload.startswith(SUCCEEDED):
        seconds = float(payload[len(SUCCEEDED) : -1])
        return Finished(at=at, status=Status.SUCCEEDED, predict_time=seconds)
    told = json.loads(payload)
    told["status"] = Status(told["status"])
    return Finished(at=at, **told)
