"""How a prediction ends: the frames that say so."""

from __future__ import annotations

import json
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

from cogsmith.runtime.worker.cancel import CancelationException
from cogsmith.runtime.worker.channel import Channel
from cogsmith.runtime.worker.failures import error_text, traceback_text
from cogsmith.runtime.worker.frames import HEADER, LARGE, SUCCEEDED, Kind, frame, header
from cogsmith.runtime.worker.inputs import InputError
from cogsmith.runtime.worker.logs import Logs
from cogsmith.runtime.worker.outputs import Encoder, OutputError

_PLAIN_WORDS = (InputError, OutputError)  # ours: their text says it all


class Ways(NamedTuple):
    """How frames leave: those of an output, and those of an end."""

    output: Callable[[bytes], object]
    end: Callable[[bytes], object]


class Report:
    """One prediction's way back: its outputs, and its end."""

    def __init__(
        self, number: int, channel: Channel, logs: Logs, encoder: Encoder,
        ways: Ways | None = None,
    ) -> None:  # fmt: skip
        self.number = number
        self.files: list[str] = []
        self._channel, self._logs, self._encoder = channel, logs, encoder
        self._push, self._send = ways or Ways(channel.send_raw, channel.send_raw)
        self._begun = perf_counter()
        self._status, self._error, self._waiting = "succeeded", "", b""

    def chunk(self, value: object) -> None:
        """Send one output: there is one for every token."""
        kind, payload = self._encoded(value)
        if len(payload) > LARGE:
            self._channel.send(kind, self.number, payload)
        else:
            self._push(HEADER.pack(kind, 0, self.number, len(payload)) + payload)

    def whole(self, value: object) -> None:
        """Keep a small whole output, so that it travels with the end; send a large one."""
        kind, payload = self._encoded(value)
        if len(payload) > LARGE:
            self._channel.send(kind, self.number, payload)
        else:
            self._waiting = frame(kind, self.number, payload)

    def _encoded(self, value: object) -> tuple[int, bytes]:
        text, files = self._encoder.encode(value)
        if not files:
            return Kind.OUTPUT, text
        self.files += files
        names = json.dumps(files).encode()
        return Kind.OUTPUT_WITH_FILES, len(names).to_bytes(4, "little") + names + text

    def failed(self, error: BaseException) -> None:
        """Note what the author's code let out, with its traceback in the logs."""
        self._status, self._error = "failed", error_text(error)
        if isinstance(error, _PLAIN_WORDS):
            self._error = str(error)
        elif trace := traceback_text(error):
            self._logs.say(self.number, trace)

    def canceled(self) -> None:
        """Note that the prediction was taken back."""
        self._status = "canceled"

    def end(self) -> None:
        """Send the end; nothing of this prediction follows it."""
        self._logs.flush()
        seconds = perf_counter() - self._begun
        if self._status == "succeeded":
            payload = b"%b%.6f}" % (SUCCEEDED, seconds)
        else:
            said = {"status": self._status, "error": self._error, "predict_time": round(seconds, 6)}
            payload = json.dumps(said).encode()
        head = header(Kind.FINISHED, self.number, len(payload))
        self._send(self._waiting + head + payload)

    def note(self, error: BaseException, *, canceled: bool) -> None:
        """Take an exception for what it is: a cancel that was asked for, or a failure."""
        if canceled or isinstance(error, CancelationException):
            self.canceled()
        else:
            self.failed(error)
