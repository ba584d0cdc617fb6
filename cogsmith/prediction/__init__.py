"""What a run is: a prediction, folded from small events, and who is told of it.

In: the events of a worker (Started, Log, Output, Metric, Finished).
Out: a frozen Prediction after each of them, Cog's envelope of it, and webhooks.
Touches: nothing; times are told by the events. ``send`` and ``wire`` touch the network.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from cogsmith.prediction.advance import advance, fold
from cogsmith.prediction.envelope import render
from cogsmith.prediction.events import Event, Finished, Log, Metric, Output, Started
from cogsmith.prediction.messages import Answer, Body, Request, shown
from cogsmith.prediction.metrics import record
from cogsmith.prediction.prediction import Prediction
from cogsmith.prediction.status import Status
from cogsmith.prediction.webhooks import Notifier, Webhook, WebhookEvent, payload

if TYPE_CHECKING:
    from cogsmith.prediction.send import Line, Sender, Sending, Watch
    from cogsmith.prediction.wire import exchange

__all__ = [
    "Answer",
    "Body",
    "Event",
    "Finished",
    "Line",
    "Log",
    "Metric",
    "Notifier",
    "Output",
    "Prediction",
    "Request",
    "Sender",
    "Sending",
    "Started",
    "Status",
    "Watch",
    "Webhook",
    "WebhookEvent",
    "advance",
    "exchange",
    "fold",
    "payload",
    "record",
    "render",
    "shown",
]

_EDGES = {
    "exchange": "wire",
    "Line": "send", "Sender": "send", "Sending": "send", "Watch": "send",
}  # fmt: skip


def __getattr__(name: str) -> object:
    """The network is looked up when asked for: most come for the values alone."""
    if name not in _EDGES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"cogsmith.prediction.{_EDGES[name]}"), name)
