"""What a container writes, as the engine sends it: two streams in one, cut into frames.

A frame has a head of 8 bytes: which stream, three zeros, and how many bytes follow ("Stream
format" of https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach).
A container with a terminal has one stream, as it is.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from cogsmith.prediction import Log

__all__ = ["Frames", "Texts"]

HEAD = 8
STDERR = 2


@dataclass(slots=True)
class Frames:
    """Bytes in pieces of any length → (stream, bytes); stream 2 is standard error."""

    rest: bytes = b""

    def take(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The frames that are whole now."""
        self.rest += data
        while len(self.rest) >= HEAD:
            end = HEAD + int.from_bytes(self.rest[4:HEAD], "big")
            if len(self.rest) < end:
                return
            stream, payload, self.rest = self.rest[0], self.rest[HEAD:end], self.rest[end:]
            yield stream, payload


def _decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")("replace")


@dataclass(slots=True)
class Texts:
    """Bytes of both streams → Log events; a character may be cut by a frame's end."""

    frames: Frames = field(default_factory=Frames)
    out: codecs.IncrementalDecoder = field(default_factory=_decoder)
    err: codecs.IncrementalDecoder = field(default_factory=_decoder)

    def take(self, data: bytes) -> Iterator[Log]:
        """What these bytes say."""
        for stream, payload in self.frames.take(data):
            decoder = self.err if stream == STDERR else self.out
            source: Literal["stdout", "stderr"] = "stderr" if stream == STDERR else "stdout"
            if text := decoder.decode(payload):
                yield Log(source=source, text=text)
