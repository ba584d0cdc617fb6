"""Moving a prediction on: a pure fold over its events.

Law: a terminal state is never left, and nothing changes after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cogsmith.prediction.events import Event, Finished, Log, Metric, Output, Started
from cogsmith.prediction.metrics import record
from cogsmith.prediction.prediction import Prediction
from cogsmith.prediction.status import Status


def advance(prediction: Prediction, event: Event) -> Prediction:
    """The prediction after one more event."""
    return fold(prediction, (event,))


def fold(prediction: Prediction, events: Iterable[Event]) -> Prediction:
    """The prediction after many events, in time that grows with their number alone."""
    logs: list[str] = []
    outputs: list[Output] = []
    for event in events:
        if prediction.status.terminal:
            break
        if isinstance(event, Output):
            outputs.append(event)
        elif isinstance(event, Log):
            logs.append(event.text)
        else:
            prediction = _turned(prediction, event)
    if not logs and not outputs:
        return prediction
    return replace(
        prediction,
        logs=prediction.logs + "".join(logs),
        chunks=prediction.chunks + tuple(output.json for output in outputs),
        files=prediction.files + tuple(file for output in outputs for file in output.files),
    )


def _turned(prediction: Prediction, event: Started | Metric | Finished) -> Prediction:
    if isinstance(event, Metric):
        return replace(prediction, metrics=record(prediction.metrics, event))
    if isinstance(event, Finished):
        return _ended(prediction, event)
    if prediction.status is Status.PROCESSING:
        return prediction
    return replace(prediction, status=Status.PROCESSING, started_at=event.at)


def _ended(prediction: Prediction, event: Finished) -> Prediction:
    """The runtime's own predict_time wins over one that the author recorded."""
    return replace(
        prediction,
        status=event.status,
        error=event.error,
        completed_at=event.at,
        metrics={**prediction.metrics, "predict_time": event.predict_time},
    )
