"""The program's own output, which never waits for whoever reads it.

What the author's code prints is repeated on the server's streams. A terminal that is halted, or a
pipe that nobody empties, would otherwise stop every prediction and every probe.
"""

from __future__ import annotations

import atexit
import io
import os
import threading
from queue import SimpleQueue
from time import sleep

MOST = 4 * 1024 * 1024  # characters that may wait
LINGER = 1.0  # seconds that the end waits for what is left


class Outlet(io.TextIOBase):
    """A text stream on a descriptor, written to by a thread of its own.

    Beyond ``MOST`` what nobody reads is lost, and how much is told when it goes on.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._queue: SimpleQueue[str] = SimpleQueue()
        self._taken = self._written = self._lost = 0  # characters; two threads, one writer each
        self._thread: threading.Thread | None = None
        self._idle = threading.Event()

    @property
    def waiting(self) -> int:
        """How many characters have not left yet."""
        return self._taken - self._written

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def write(self, text: str) -> int:
        """Take a text, and come back at once."""
        if self.waiting > MOST:
            self._lost += len(text)
            return len(text)
        if self._lost:
            text, self._lost = f"[{self._lost} characters that nobody read]\n{text}", 0
        self._taken += len(text)
        self._queue.put(text)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="outlet", daemon=True)
            self._thread.start()
            atexit.register(self.drain)
        return len(text)

    def drain(self) -> None:
        """Give the reader a moment to take what is left."""
        if self.waiting:
            self._idle.clear()
            self._queue.put("")
            self._idle.wait(LINGER)

    def _run(self) -> None:
        while True:
            text = self._queue.get()
            self._pass_on(text.encode(errors="backslashreplace"))
            self._written += len(text)
            if not text:
                self._idle.set()

    def _pass_on(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                sleep(0.05)  # somebody made it non-blocking
            except OSError:
                return  # nobody is there any more
