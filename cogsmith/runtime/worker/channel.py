"""The child's end of the socket."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic, sleep
from typing import NoReturn

from cogsmith.runtime.worker.frames import LARGE, Frame, Reader, frame, header

_NOTHING_THERE = (BlockingIOError, InterruptedError)
# Outputs that come faster than this are sent together: a send, and waking whoever reads, cost
# more than making the output. One that comes after a pause is sent at once.
BURST = 0.001  # seconds
MOST = 16 * 1024  # bytes that wait in a burst


class Channel:
    """Sends whole frames from any thread; receives in the main thread only.

    Sending blocks when the parent does not read: that is the back-pressure on a predictor
    that is faster than its reader.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._reader = Reader()
        self._lock = threading.Lock()
        self._frames: deque[Frame] = deque()
        self._later = b""
        self._pushed = 0.0
        self._end_burst: Callable[[float], object] = lambda _left: self.flush()
        os.register_at_fork(after_in_child=self._forked)

    def fileno(self) -> int:
        """The descriptor, to wait for frames; -1 in a forked child."""
        return self._socket.fileno()

    @property
    def mine(self) -> bool:
        """Whether this process may send: a forked child of the author's may not."""
        return self._socket.fileno() >= 0

    def send(self, kind: int, number: int, payload: bytes = b"") -> None:
        """Send one frame at once."""
        if len(payload) > LARGE:
            self._send_large(header(kind, number, len(payload)), payload)
        else:
            self.send_raw(frame(kind, number, payload))

    def send_raw(self, frames: bytes) -> None:
        """Send frames that are already joined."""
        try:
            with self._lock:
                if self._later:
                    frames, self._later = self._later + frames, b""
                self._socket.sendall(frames)
        except OSError:
            self._lost()

    def push(self, frames: bytes) -> None:
        """Send at once or, in a burst, a moment later."""
        at = monotonic()
        left = self._pushed + BURST - at
        if left <= 0:
            self._pushed = at
            self.send_raw(frames)
        elif self.later(frames):
            self._end_burst(left)
        elif len(self._later) > MOST:
            self.flush()

    def end_bursts(self, end: Callable[[float], object]) -> None:
        """Let ``end`` see to it that ``flush`` is called in so many seconds."""
        self._end_burst = end

    def end_bursts_in_a_thread(self) -> None:
        """Flush from a thread of its own, whatever the author's code does meanwhile."""
        begun = threading.Event()

        def end() -> None:
            while True:
                begun.wait()
                begun.clear()
                sleep(BURST)
                self.flush()

        threading.Thread(target=end, name="cogsmith-bursts", daemon=True).start()
        self.end_bursts(lambda _left: begun.set())

    def later(self, frames: bytes) -> bool:
        """Keep frames until ``flush`` or the next send; answers whether they are the first."""
        with self._lock:
            first = not self._later
            self._later += frames
        return first

    def flush(self) -> None:
        """Send what was kept."""
        if self._later:
            self._pushed = monotonic()
            self.send_raw(b"")

    def _send_large(self, head: bytes, payload: bytes) -> None:
        self.flush()
        try:
            with self._lock:
                sent = self._socket.sendmsg([head, payload])
                if sent < len(head):
                    self._socket.sendall(head[sent:])
                    sent = len(head)
                self._socket.sendall(memoryview(payload)[sent - len(head) :])
        except OSError:
            self._lost()

    def receive(self) -> Frame:
        """The next frame; waits for it."""
        while not self._frames:
            self._fill(0)
        return self._frames.popleft()

    def receive_within(self, seconds: float) -> Frame | None:
        """The next frame, or None when none comes in time."""
        if not self._frames:
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            if not poll.poll(seconds * 1000):
                return None
        return self.receive()

    def arrived(self) -> list[Frame]:
        """The frames that are there; waits for none."""
        try:
            self._fill(socket.MSG_DONTWAIT)
            while self._reader.amid:
                self._fill(socket.MSG_DONTWAIT)
        except _NOTHING_THERE:
            pass
        frames = list(self._frames)
        self._frames.clear()
        return frames

    def put_back(self, frames: list[Frame]) -> None:
        """Keep frames for ``receive``, before those that come later."""
        self._frames.extend(frames)

    def _fill(self, flags: int) -> None:
        count = self._socket.recv_into(self._reader.buffer(), 0, flags)
        if not count:
            self._parent_gone()
        self._frames.extend(self._reader.received(count))

    def end_with_parent(self) -> None:
        """End this process as soon as the parent's end of the socket closes.

        A thread waits for the hang-up alone, so frames never wake it, and it ends the
        process also when predict() is deep in C.
        """

        def watch() -> None:
            poll = select.poll()
            poll.register(self._socket, 0)
            while not poll.poll():
                pass
            self._parent_gone()

        threading.Thread(target=watch, name="cogsmith-parent", daemon=True).start()

    def _lost(self) -> None:
        """Nobody listens any more, unless this is a forked child, which says nothing."""
        if self.mine:
            self._parent_gone()

    def _parent_gone(self) -> NoReturn:
        """Take the whole process group along: what the author's code started, too."""
        if os.getpgid(0) == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    def _forked(self) -> None:
        """A forked child must neither speak for us nor keep the socket open."""
        self._lock = threading.Lock()
        self._later = b""
        self._socket.close()
