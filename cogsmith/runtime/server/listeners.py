"""Who waits for a prediction over HTTP: for its end, or for every event."""

from __future__ import annotations

from collections.abc import Callable

from cogsmith.runtime.server import answers
from cogsmith.runtime.server.http import EVENTS, Exchange
from cogsmith.runtime.server.record import Item, Record

BEHIND = 4 * 1024 * 1024  # bytes of output that a reader may lag until the predictor waits
PIECE = 512  # events that are made into one write
NO_CACHE = {b"cache-control": b"no-cache"}
RETRY = {b"retry-after": b"1"}

Left = Callable[[Record], None]
"""Called when the last one who cared has left a prediction that still runs."""


class Waiting:
    """A client that waits for the whole reply."""

    __slots__ = ("_exchange", "_left", "_record")
    reads = False

    def __init__(self, record: Record, exchange: Exchange, left: Left) -> None:
        self._record, self._exchange, self._left = record, exchange, left
        exchange.gone = self._gone

    def flush(self) -> None:
        """Nothing to do before the end."""

    def end(self) -> None:
        """Answer; a failed prediction is an answer, one that never ran is none."""
        if self._record.expired:
            self._exchange.reply(503, answers.failure(self._record.error), headers=RETRY)
        else:
            self._exchange.reply(200, answers.reply(self._record))

    def _gone(self) -> None:
        if not self._record.unfollow(self):
            self._left(self._record)


class Streaming:
    """A client that reads server-sent events.

    It has a place in the record's history. A client that reads slowly is written to when its
    socket has room; nothing is lost and nothing is copied. When it is too far behind, the
    predictor waits.
    """

    __slots__ = (
        "_at", "_ended", "_exchange", "_full", "_index", "_left", "_record", "_sent", "_silent",
        "_started", "on_end",
    )  # fmt: skip
    reads = True

    def __init__(self, record: Record, exchange: Exchange, left: Left) -> None:
        self._record, self._exchange, self._left = record, exchange, left
        self._at = self._index = self._sent = 0
        self._started = self._full = self._ended = False
        self._silent = True
        self.on_end: Callable[[Streaming], None] = _nobody
        exchange.gone, exchange.full, exchange.room = self._gone, self._wait, self._go_on
        exchange.open(200, EVENTS, NO_CACHE)

    def skip(self, skipped: int) -> None:
        """End at once: the events that this reader wants are not kept."""
        self._exchange.write(answers.truncated(skipped))
        self._exchange.end()

    def flush(self) -> None:
        """Write what is new, as far as the socket has room."""
        record = self._record
        if self._full:
            if record.size - self._sent > BEHIND:
                record.hold(self)
            return
        if not self._started and record.started_at is not None:
            self._started, self._silent = True, False
            self._exchange.write(answers.started(record))
        history = record.history
        while (left := len(history) - self._at) > 0 and not self._full:
            if left == 1 and type(item := history[self._at]) is bytes:  # a token at a time
                made = answers.chunk(item, self._index)
                self._at, self._index, self._sent = self._at + 1, self._index + 1, record.size
            else:
                made = self._piece(history[self._at : self._at + PIECE])
            self._silent = False
            self._exchange.write(made)

    def _piece(self, items: list[Item]) -> bytes:
        made = b"".join(answers.events(items, self._index))
        outputs = [item for item in items if type(item) is bytes]
        self._at, self._index = self._at + len(items), self._index + len(outputs)
        self._sent += sum(map(len, outputs))
        return made

    def end(self) -> None:
        """Write the rest, then the whole reply."""
        self._ended = True
        self._finish()

    def keep_alive(self) -> None:
        """After a while of silence, say something: those between us and the client wait for it."""
        if self._silent and not self._full and not self._ended:
            self._exchange.write(answers.KEEP_ALIVE)
        self._silent = True

    def _finish(self) -> None:
        if self._at == len(self._record.history) and not self._full:
            self._exchange.write(answers.completed(self._record))
            self._exchange.end()
            self.on_end(self)

    def _wait(self) -> None:
        self._full = True

    def _go_on(self) -> None:
        self._full = False
        self.flush()
        if self._record.size - self._sent <= BEHIND // 2:
            self._record.go_on(self)
        if self._ended:
            self._finish()

    def _gone(self) -> None:
        self._ended = True
        self.on_end(self)
        if not self._record.unfollow(self):
            self._left(self._record)


def _nobody(_stream: Streaming) -> None:
    """Nobody keeps it."""
