"""Cancelling a sync predictor: a signal becomes CancelationException in the author's code.

The parent writes a CANCEL frame and then sends the signal. The handler runs in the main
thread between two bytecodes. It looks for the frame only while the guard is *armed*, that
is while the author's code runs, and raises only when the frame names the prediction that
runs now: a cancel that comes too late hits nobody.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

from cogsmith.runtime.worker.channel import Channel
from cogsmith.runtime.worker.frames import Kind

SIGNAL = signal.SIGUSR1


class CancelationException(BaseException):
    """Raised inside sync predictors when their prediction is canceled (cog's own name)."""


CancelationException.__module__ = "coglet"


class Guard:
    """Says when the author's code may be interrupted."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._main = threading.get_ident()
        self._number = 0
        self._armed = False
        self._poked = False
        self.canceled = False

    def install(self) -> None:
        """Listen for the signal; call it in the main thread."""
        signal.signal(SIGNAL, self._on_signal)

    def begin(self, number: int) -> None:
        """Another prediction is about to run."""
        self._number, self.canceled = number, False

    def end(self) -> None:
        """No prediction runs; frames are read by the loop again."""
        self._number = 0

    def arm(self) -> None:
        """The author's code follows; raises CancelationException when it is too late for it."""
        self._armed = True
        if self._poked and self.due():
            self._armed = False
            raise CancelationException

    def disarm(self) -> None:
        """Our own code follows."""
        self._armed = False

    def due(self) -> bool:
        """Whether the running prediction has just been canceled. True once."""
        self._poked = False
        if self.canceled:
            return False
        others = []
        for frame in self._channel.arrived():
            if frame[0] == Kind.CANCEL:
                self.canceled = self.canceled or frame[1] == self._number
            else:
                others.append(frame)
        self._channel.put_back(others)
        return self.canceled

    @property
    def poked(self) -> bool:
        """Whether a signal came while the guard was not armed."""
        return self._poked

    def hold(self) -> bool:
        """Keep signals off our own code inside the author's; answers what ``release`` needs."""
        if threading.get_ident() != self._main:
            return False
        armed, self._armed = self._armed, False
        return armed

    def release(self, armed: bool) -> None:
        """The author's code goes on; a cancel that came meanwhile is raised in it."""
        if armed:
            self.arm()

    def _on_signal(self, _signum: int, _frame: FrameType | None) -> None:
        self._poked = True
        if self._armed and self._number and self.due():
            self._armed = False
            raise CancelationException
