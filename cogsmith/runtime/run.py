"""One prediction, seen from our side: the events that wait for its reader."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from cogsmith.prediction import Event, Finished, Output, Status

# A reader this far behind stops its stream, until half of it is read.
MOST_EVENTS = 1024
MOST_BYTES = 4 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Run:
    """A queue of events between the worker's reader and the prediction's.

    ``on_full`` and ``on_room`` are called when the reader falls behind and catches up.
    """

    id: str
    payload: bytes
    context: Mapping[str, str]
    on_full: Callable[[int], None]
    on_room: Callable[[int], None]
    number: int = 0  # until it is sent
    begun: float = 0.0
    index: int = 0
    abandoned: bool = False
    full: bool = False
    _events: deque[Event] = field(default_factory=deque)
    _bytes: int = 0
    _waiter: asyncio.Future[None] | None = None

    def output(self, json: bytes) -> None:
        """Add an output without files."""
        self.put(Output(json=json, index=self.index))

    def put(self, event: Event) -> None:
        """Add an event; wakes the reader. The end is kept whatever happens."""
        if self.abandoned:
            return
        if type(event) is Output:
            if event.index != self.index:
                event = replace(event, index=self.index)
            self.index += 1
            self._bytes += len(event.json)
        self._events.append(event)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if len(self._events) > MOST_EVENTS or self._bytes > MOST_BYTES:
            self._is_behind(event)

    def succeeded(self, at: float, seconds: float) -> None:
        """Add the usual end."""
        self.put(Finished(at=at, status=Status.SUCCEEDED, predict_time=seconds))

    def _is_behind(self, event: Event) -> None:
        if not self.full and type(event) is not Finished:
            self.full = True
            self.on_full(self.number)

    async def next(self) -> Event:
        """The next event; waits for it."""
        while not self._events:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        event = self._events.popleft()
        if type(event) is Output:
            self._bytes -= len(event.json)
        if self.full and len(self._events) <= MOST_EVENTS // 2 and self._bytes <= MOST_BYTES // 2:
            self._has_room()
        return event

    def abandon(self) -> None:
        """Nobody reads any more."""
        self.abandoned = True
        self._events.clear()
        if self.full:
            self._has_room()

    def _has_room(self) -> None:
        self.full = False
        self.on_room(self.number)
