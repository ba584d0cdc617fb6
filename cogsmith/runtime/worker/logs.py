"""What the author's code prints, in the order in which it was written.

``sys.stdout`` and ``sys.stderr`` are replaced by streams that send frames, each tagged
with the prediction that prints. Both share one pending text, so that their order holds.
What is written past them (C code, subprocesses) goes to the descriptors 1 and 2, which are
pipes that the parent reads.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterable
from typing import Any

from cogsmith.runtime.worker.cancel import Guard
from cogsmith.runtime.worker.channel import Channel
from cogsmith.runtime.worker.frames import Kind
from cogsmith.runtime.worker.scope import current_scope

LONGEST_PENDING = 8192  # characters that may wait for the end of their line


class Logs:
    """The one place where printed text waits for the end of its line."""

    def __init__(self, channel: Channel, guard: Guard) -> None:
        self._channel = channel
        self._guard = guard
        self._lock = threading.RLock()  # printing may print again: __del__, logging handlers
        self._source = (Kind.STDOUT, 0)
        self._pieces: list[str] = []
        self._length = 0
        os.register_at_fork(after_in_child=self._forked)

    def install(self) -> None:
        """Replace the standard streams."""
        sys.stdout = LogStream(self, Kind.STDOUT)
        sys.stderr = LogStream(self, Kind.STDERR)

    def write(self, kind: int, text: str) -> None:
        """Take text of one stream; whole lines go out at once."""
        if not self._channel.mine:
            return _write_raw(1 if kind == Kind.STDOUT else 2, text)
        armed = self._guard.hold()
        try:
            with self._lock:
                source = (kind, current_scope().number)
                if source != self._source:
                    self._send()
                    self._source = source
                self._pieces.append(text)
                self._length += len(text)
                if "\n" in text or self._length > LONGEST_PENDING:
                    self._send()
        finally:
            self._guard.release(armed)
        return None

    def flush(self) -> None:
        """Send what waits for the end of its line."""
        armed = self._guard.hold()
        try:
            with self._lock:
                self._send()
        finally:
            self._guard.release(armed)

    def say(self, number: int, text: str) -> None:
        """Write a text of ours, a traceback, into a prediction's stderr."""
        with self._lock:
            self._send()
            self._channel.send(Kind.STDERR, number, text.encode("utf-8", "backslashreplace"))

    def _send(self) -> None:
        if self._pieces:
            text = "".join(self._pieces)
            self._pieces.clear()
            self._length = 0
            kind, number = self._source
            self._channel.send(kind, number, text.encode("utf-8", "backslashreplace"))

    def _forked(self) -> None:
        self._lock = threading.RLock()
        self._pieces.clear()


def _write_raw(descriptor: int, text: str) -> None:
    """In a forked child of the author's: the parent reads it from the pipe."""
    data = memoryview(text.encode("utf-8", "backslashreplace"))
    while data:
        data = data[os.write(descriptor, data) :]


class LogStream(io.TextIOBase):
    """What ``sys.stdout`` or ``sys.stderr`` is in a worker."""

    def __init__(self, logs: Logs, kind: int) -> None:
        super().__init__()
        self._logs = logs
        self._kind = kind
        self._binary = _Binary(self)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Text is sent as UTF-8."""
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        """What cannot be encoded is written as an escape."""
        return "backslashreplace"

    @property
    def name(self) -> str:
        """As Python names its own."""
        return "<stdout>" if self._kind == Kind.STDOUT else "<stderr>"

    @property
    def mode(self) -> str:
        """As Python's own."""
        return "w"

    @property
    def line_buffering(self) -> bool:
        """Lines go out as they end."""
        return True

    @property
    def buffer(self) -> io.RawIOBase:
        """For code that writes bytes."""
        return self._binary

    def write(self, text: str) -> int:
        """Take text; answers the number of characters."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self._logs.write(self._kind, text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]
        """Take several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Send what waits for the end of its line."""
        self._logs.flush()

    def close(self) -> None:
        """Nothing: the stream lives as long as the process."""

    def fileno(self) -> int:
        """The descriptor of the same name, which the parent reads."""
        return 1 if self._kind == Kind.STDOUT else 2

    def writable(self) -> bool:
        """Yes."""
        return True

    def reconfigure(self, **_: Any) -> None:
        """Nothing: the encoding is UTF-8, and lines go out as they end."""


class _Binary(io.RawIOBase):
    """``sys.stdout.buffer``: bytes, on their way to become text."""

    def __init__(self, stream: LogStream) -> None:
        super().__init__()
        self._stream = stream

    def write(self, data: Any) -> int:
        """Take bytes; answers their number."""
        piece = bytes(data)
        self._stream.write(piece.decode("utf-8", "replace"))
        return len(piece)

    def flush(self) -> None:
        """As the text stream."""
        self._stream.flush()

    def writable(self) -> bool:
        """Yes."""
        return True

    def fileno(self) -> int:
        """As the text stream."""
        return self._stream.fileno()

    def close(self) -> None:
        """Nothing: the stream lives as long as the process."""
