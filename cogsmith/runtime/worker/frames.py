"""The wire format between a worker and its parent: docs/reference/frames.md.

A frame is a header of twelve bytes and a payload. Nothing here touches a socket: ``Reader``
lends a buffer to receive into and answers the frames that have become whole.
"""

from __future__ import annotations

import struct
from typing import Final

VERSION: Final = 1

# kind, flags (0), two spare bytes, number of the prediction or request, length of the payload
HEADER: Final = struct.Struct("<BBxxII")
BUFFER: Final = 64 * 1024
# Above this many bytes a payload is neither joined to its header nor copied twice.
LARGE: Final = 32 * 1024
LONGEST: Final = 2**32 - 1

# How the payload of FINISHED begins when all went well; the time and a brace follow.
SUCCEEDED: Final = b'{"status":"succeeded","error":"","predict_time":'

Frame = tuple[int, int, bytes]  # kind, number, payload


class Kind:
    """What a frame means. Plain numbers: they are compared for every token."""

    # parent to child
    START: Final = 1
    CONTEXT: Final = 2
    PREDICT: Final = 3
    CANCEL: Final = 4
    PAUSE: Final = 5
    RESUME: Final = 6
    CHECK: Final = 7
    STOP: Final = 8
    # child to parent
    READY: Final = 32
    BROKEN: Final = 33
    OUTPUT: Final = 34
    OUTPUT_WITH_FILES: Final = 35
    STDOUT: Final = 36
    STDERR: Final = 37
    METRIC: Final = 38
    FINISHED: Final = 39
    CHECKED: Final = 40


def header(kind: int, number: int, length: int) -> bytes:
    """The twelve bytes before a payload; OverflowError when the payload is too long."""
    if length > LONGEST:
        raise OverflowError(f"{length} bytes do not fit into one frame")
    return HEADER.pack(kind, 0, number, length)


def frame(kind: int, number: int, payload: bytes = b"") -> bytes:
    """One whole frame, for payloads that may be copied."""
    return HEADER.pack(kind, 0, number, len(payload)) + payload


class Reader:
    """Cuts a byte stream into frames.

    Small frames are cut from one buffer that is used for ever; a large payload gets a
    buffer of its own that bytes are received into directly.
    """

    __slots__ = ("_at", "_buffer", "_filled", "_large", "_large_view", "_of", "_view")

    def __init__(self) -> None:
        self._buffer = bytearray(BUFFER)
        self._view = memoryview(self._buffer)
        self._filled = 0
        self._large: bytearray | None = None
        self._large_view = memoryview(b"")
        self._at = 0
        self._of = (0, 0)

    def buffer(self) -> memoryview:
        """Where the next bytes go; never empty."""
        if self._large is not None:
            return self._large_view[self._at :]
        return self._view[self._filled :]

    @property
    def amid(self) -> bool:
        """Whether a large payload has begun and is not yet whole."""
        return self._large is not None

    def received(self, count: int) -> list[Frame]:
        """The frames that became whole by ``count`` more bytes in the buffer."""
        if self._large is not None:
            self._at += count
            return self._large_whole() if self._at == len(self._large) else []
        frames: list[Frame] = []
        start, end = 0, self._filled + count
        while end - start >= HEADER.size:
            kind, _, number, length = HEADER.unpack_from(self._buffer, start)
            body = start + HEADER.size
            if end - body < length:
                if HEADER.size + length > BUFFER:
                    self._begin_large((kind, number), length, self._view[body:end])
                    start = end
                break
            start = body + length
            frames.append((kind, number, bytes(self._view[body:start])))
        rest = end - start
        if start and rest:
            self._view[:rest] = self._view[start:end]
        self._filled = rest
        return frames

    def _begin_large(self, of: tuple[int, int], length: int, begun: memoryview) -> None:
        self._of, self._at = of, len(begun)
        self._large = bytearray(length)
        self._large_view = memoryview(self._large)
        self._large_view[: self._at] = begun

    def _large_whole(self) -> list[Frame]:
        assert self._large is not None
        self._large_view.release()
        payload, self._large = bytes(self._large), None
        return [(*self._of, payload)]
