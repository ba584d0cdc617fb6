"""What a run is: a prediction, folded from small events.

In: the events of a worker (Started, Log, Output, Metric, Finished).
Out: a frozen Prediction after each of them, and Cog's envelope of it.
Touches: nothing; times are told by the events.
"""

from __future__ import annotations

from cogsmith.prediction.advance import advance, fold
from cogsmith.prediction.envelope import render
from cogsmith.prediction.events import Event, Finished, Log, Metric, Output, Started
from cogsmith.prediction.metrics import record
from cogsmith.prediction.prediction import Prediction
from cogsmith.prediction.status import Status

__all__ = [
    "Event",
    "Finished",
    "Log",
    "Metric",
    "Output",
    "Prediction",
    "Started",
    "Status",
    "advance",
    "fold",
    "record",
    "render",
]
