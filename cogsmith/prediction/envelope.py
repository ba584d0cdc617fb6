"""Cog's envelope: a prediction as the JSON object that its API answers with."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from cogsmith.prediction.prediction import Prediction


def render(prediction: Prediction) -> dict[str, Any]:
    """The whole prediction, JSON-ready, its keys as Cog names them.

    ``error`` and the times appear once there is something to say; times are ISO 8601 in
    UTC with microseconds.
    """
    told = {
        "id": prediction.id,
        "input": dict(prediction.input),
        "output": prediction.output,
        "logs": prediction.logs,
        "error": prediction.error or None,
        "status": prediction.status.value,
        "metrics": dict(prediction.metrics),
        "created_at": _moment(prediction.created_at),
        "started_at": _moment(prediction.started_at),
        "completed_at": _moment(prediction.completed_at),
    }
    optional = {"error", "created_at", "started_at", "completed_at"}
    return {key: value for key, value in told.items() if value is not None or key not in optional}


def _moment(at: float | None) -> str | None:
    if at is None:
        return None
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="microseconds")
