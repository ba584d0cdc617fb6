"""Webhooks of a prediction, as one more listener."""

from __future__ import annotations

from cogsmith.prediction import Log, Watch, WebhookEvent
from cogsmith.runtime.server.record import Record


class Telling:
    """Tells a webhook's receiver what the record's history says."""

    __slots__ = ("_at", "_record", "_started", "_watch")
    reads = True

    def __init__(self, record: Record, watch: Watch) -> None:
        self._record, self._watch = record, watch
        self._at = 0
        self._started = False

    def flush(self) -> None:
        """Tell which kinds of events came; what came with the end is told with the end."""
        if not self._record.ended:
            self._tell()

    def end(self) -> None:
        """Tell the end, and what came with it."""
        self._tell(WebhookEvent.COMPLETED)

    def _tell(self, *last: WebhookEvent) -> None:
        record = self._record
        kinds = []
        if not self._started and record.started_at is not None:
            self._started = True
            kinds.append(WebhookEvent.START)
        fresh = record.history[self._at :]
        self._at += len(fresh)
        if any(type(item) is bytes for item in fresh):
            kinds.append(WebhookEvent.OUTPUT)
        if any(type(item) is Log for item in fresh):
            kinds.append(WebhookEvent.LOGS)
        if kinds or last:
            self._watch.told(*kinds, *last)
