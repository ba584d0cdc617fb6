"""Our end of the socket, inside an event loop."""

from __future__ import annotations

import asyncio
import codecs
import os
import select
import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from cogsmith.runtime.worker.frames import BUFFER, LARGE, Frame, Reader, header

_NOT_NOW = (BlockingIOError, InterruptedError)
MOST_PIECES = 512  # in one sendmsg; the kernel takes 1,024
READS = 64  # of one large frame before other work gets a turn


class Link:
    """Sends and receives frames without waiting.

    What the kernel does not take is kept and sent later, in order; ``then`` calls back once
    all of it is out.
    """

    def __init__(
        self, connection: socket.socket, on_frames: Callable[[list[Frame]], None],
        on_end: Callable[[], None],
    ) -> None:  # fmt: skip
        connection.setblocking(False)
        self._socket = connection
        self._on_frames, self._on_end = on_frames, on_end
        self._loop = asyncio.get_running_loop()
        self._reader = Reader()
        self._outgoing: list[bytes] = []
        self._scheduled = False
        self._unsent: deque[memoryview] = deque()
        self._then: list[Callable[[], None]] = []
        self._reading = self._ended = False
        self.resume()

    def send(self, *frames: tuple[int, int, bytes]) -> None:
        """Send frames, given as kind, number and payload, when this turn of the loop ends.

        All frames of a turn go out together: waking the child costs more than anything else.
        """
        for kind, number, payload in frames:
            head = header(kind, number, len(payload))
            self._outgoing += [head, payload] if len(payload) > LARGE else [head + payload]
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def then(self, call: Callable[[], None]) -> None:
        """Call back when everything sent so far is in the kernel's hands."""
        self._flush()
        if self._unsent:
            self._then.append(call)
        else:
            call()

    def _flush(self) -> None:
        pieces, self._outgoing, self._scheduled = self._outgoing, [], False
        if self._ended or not pieces:
            return
        if not self._unsent:
            pieces = self._sent_now(pieces)
            if pieces:
                self._loop.add_writer(self._socket.fileno(), self._writable)
        self._unsent.extend(memoryview(piece) for piece in pieces)

    def pause(self) -> None:
        """Stop reading: the child blocks once the kernel's buffer is full."""
        if self._reading:
            self._loop.remove_reader(self._socket.fileno())
            self._reading = False

    def resume(self) -> None:
        """Read again."""
        if not self._reading and not self._ended:
            self._loop.add_reader(self._socket.fileno(), self._readable)
            self._reading = True

    def drain(self) -> None:
        """Take all that has arrived."""
        while not self._ended and self._receive():
            pass

    def close(self) -> None:
        """Let go of the socket; the child ends when it still runs."""
        self._end()
        self._socket.close()

    def _sent_now(self, pieces: Sequence[bytes]) -> list[bytes]:
        """Send what the kernel takes; answers the rest."""
        try:
            sent = self._socket.sendmsg(pieces[:MOST_PIECES])
        except _NOT_NOW:
            return list(pieces)
        except OSError:  # the child is gone, which its exit will tell
            return []
        rest = []
        for piece in pieces:
            if sent < len(piece):
                rest.append(piece[sent:] if sent else piece)
            sent = max(0, sent - len(piece))
        return rest

    def _writable(self) -> None:
        while self._unsent:
            piece = self._unsent[0]
            try:
                sent = self._socket.send(piece)
            except _NOT_NOW:
                return
            except OSError:
                self._unsent.clear()
                break
            if sent < len(piece):
                self._unsent[0] = piece[sent:]
                return
            self._unsent.popleft()
        self._loop.remove_writer(self._socket.fileno())
        calls, self._then = self._then, []
        for call in calls:
            call()

    def _readable(self) -> None:
        """One read for a turn of the loop, more in the middle of a large frame."""
        self._receive()
        for _ in range(READS):
            if not self._reader.amid or not self._reading or not self._receive():
                return

    def _receive(self) -> bool:
        try:
            count = self._socket.recv_into(self._reader.buffer())
        except _NOT_NOW:
            return False
        except OSError:
            count = 0
        if not count:
            self._end()
            self._on_end()
            return False
        if frames := self._reader.received(count):
            self._on_frames(frames)
        return True

    def _end(self) -> None:
        self.pause()
        if not self._ended and self._unsent:
            self._loop.remove_writer(self._socket.fileno())
        self._unsent.clear()
        self._ended = True


class Pipes:
    """What the child's process writes to descriptors 1 and 2, past ``sys.stdout``.

    Takes descriptors, each with what to call with the text that comes out of it.
    """

    def __init__(self, calls: Mapping[int, Callable[[str], None]]) -> None:
        self._loop = asyncio.get_running_loop()
        self._poll = select.poll()
        self._calls = dict(calls)
        self._decoders = {end: codecs.getincrementaldecoder("utf-8")("replace") for end in calls}
        for descriptor in calls:
            os.set_blocking(descriptor, False)
            self._poll.register(descriptor, select.POLLIN)
            self._loop.add_reader(descriptor, self._read, descriptor)

    def drain(self) -> None:
        """Take all that has arrived; nearly always it is nothing."""
        while ready := self._poll.poll(0):
            for descriptor, _ in ready:
                self._read(descriptor)

    def close(self) -> None:
        """Let go of them."""
        for descriptor in list(self._calls):
            self._end(descriptor)

    def _read(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, BUFFER)
        except _NOT_NOW:
            return
        if text := self._decoders[descriptor].decode(data, final=not data):
            self._calls[descriptor](text)
        if not data:
            self._end(descriptor)

    def _end(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)
        self._poll.unregister(descriptor)
        os.close(descriptor)
        del self._calls[descriptor]
