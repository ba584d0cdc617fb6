"""What is told while blobs travel: one value for each blob and step, with bytes and rate. Pure."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import field
from typing import Literal

from cogsmith.oci import Descriptor
from cogsmith.values import dataclass

__all__ = ["BlobProgress", "State", "Tell", "Teller", "silent"]

State = Literal["waiting", "running", "retrying", "done", "mounted", "present"]

WINDOW = 5.0  # seconds over which its rate is taken


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobProgress:
    """How far a blob is: ``done`` of ``total`` bytes, ``rate`` in bytes per second.

    ``present`` and ``mounted`` are ends, as ``done`` is: nothing had to travel. ``retrying``
    says that something broke, and ``done`` is what is left of it; ``note`` says what.
    """

    blob: Descriptor
    state: State
    done: int = 0
    rate: float = 0.0
    note: str = ""

    @property
    def total(self) -> int:
        """The blob's bytes."""
        return self.blob.size


Tell = Callable[[BlobProgress], None]


def silent(progress: BlobProgress) -> None:
    """Hear how far a blob is and say nothing."""


class Teller:
    """Tells of many blobs, from many threads, one word at a time.

    Of bytes on their way it tells once in ``interval`` seconds, of all else at once.
    """

    def __init__(self, tell: Tell, clock: Callable[[], float], interval: float = 0.1) -> None:
        self._tell, self._clock, self._interval = tell, clock, interval
        self._lock = threading.Lock()

    def blob(self, descriptor: Descriptor) -> Counter:
        """One blob's progress."""
        return Counter(descriptor, self.say, self._clock, self._interval)

    def say(self, progress: BlobProgress) -> None:
        """Tell it now."""
        with self._lock:
            self._tell(progress)


@dataclass(slots=True)
class Counter:
    """Counts one blob's bytes; only the thread that moves them touches it."""

    blob: Descriptor
    say: Tell
    clock: Callable[[], float]
    interval: float
    done: int = 0
    _said: float = 0.0
    _samples: deque[tuple[float, int]] = field(default_factory=deque)
    _moved: int = 0

    def at(self, done: int, state: State = "running", note: str = "") -> None:
        """So many bytes are there; where something goes on after a break, fewer than before."""
        self.done = done
        self._tell(state, note, self.clock())

    def more(self, count: int) -> None:
        """So many bytes have travelled."""
        now = self.clock()
        self.done += count
        self._moved += count
        if not self._samples:
            self._samples.append((now, 0))
        if now - self._said >= self.interval:
            self._samples.append((now, self._moved))
            while len(self._samples) > 2 and now - self._samples[0][0] > WINDOW:
                self._samples.popleft()
            self._tell("running", "", now)

    def _tell(self, state: State, note: str, now: float) -> None:
        self._said = now
        self.say(
            BlobProgress(
                blob=self.blob, state=state, done=self.done, rate=self._rate(now), note=note
            )
        )

    def _rate(self, now: float) -> float:
        if not self._samples:
            return 0.0
        since, before = self._samples[0]
        return (self._moved - before) / (now - since) if now > since else 0.0
