"""Several predictions in one call, for predictors that offer it: ``predict_batch()``.

What such a call prints belongs to no single prediction: it goes to the worker's log. A cancel
cannot reach into the call; who was canceled meanwhile is told so at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any

from cogsmith.runtime.worker.channel import Channel
from cogsmith.runtime.worker.frames import Kind
from cogsmith.runtime.worker.inputs import Decoders, Inputs
from cogsmith.runtime.worker.logs import Logs
from cogsmith.runtime.worker.model import Batching
from cogsmith.runtime.worker.outputs import Encoder
from cogsmith.runtime.worker.report import Report
from cogsmith.runtime.worker.streams import items_of

# A prediction's number and its inputs as JSON.
Asked = tuple[int, bytes]


class BatchError(ValueError):
    """predict_batch() gave back something else than one output for each input."""


class Batches:
    """Collects predictions that come together, and runs them in one call."""

    def __init__(self, channel: Channel, logs: Logs, encoder: Encoder) -> None:
        self._channel, self._logs, self._encoder = channel, logs, encoder

    def run(self, batching: Batching, first: Asked, decoders: Decoders) -> None:
        """Run a batch that begins with this prediction."""
        members = []
        for number, payload in self._collected(batching, first):
            report = Report(number, self._channel, self._logs, self._encoder)
            member = _Member(report, Inputs())
            member.decode(payload, decoders)
            members.append(member)
        ready = [member for member in members if member.arguments is not None]
        if ready:
            self._call(batching, ready)
        for member in members:
            member.inputs.tidy(member.report.files)
            member.report.end()

    def _collected(self, batching: Batching, first: Asked) -> list[Asked]:
        """Those that come in time, less those that are taken back at once."""
        asked, end = {first[0]: first[1]}, monotonic() + batching.wait
        canceled: set[int] = set()
        others = []
        while len(asked) < batching.size and (left := end - monotonic()) >= 0:
            frame = self._channel.receive_within(left)
            if frame is None:
                break
            kind, number, payload = frame
            if kind == Kind.PREDICT:
                asked[number] = payload
            elif kind == Kind.CANCEL:
                canceled.add(number)
            else:
                others.append(frame)  # health checks and the like; a STOP comes after the batch
        self._channel.put_back(others)
        for number in canceled & asked.keys():
            report = Report(number, self._channel, self._logs, self._encoder)
            report.canceled()
            report.end()
        return [(number, asked[number]) for number in asked if number not in canceled]

    def _call(self, batching: Batching, members: Sequence[_Member]) -> None:
        try:
            outputs = _outputs(batching.call([m.arguments or {} for m in members]), len(members))
        except BaseException as error:
            for member in members:
                member.report.note(error, canceled=False)
            return
        canceled = self._canceled()
        for member, output in zip(members, outputs):  # noqa: B905 - their lengths were compared
            if member.report.number in canceled:
                member.report.canceled()
            else:
                member.emit(output)

    def _canceled(self) -> set[int]:
        """Those that were taken back while the call ran."""
        frames = self._channel.arrived()
        self._channel.put_back([frame for frame in frames if frame[0] != Kind.CANCEL])
        return {number for kind, number, _ in frames if kind == Kind.CANCEL}


class _Member:
    """One prediction of a batch."""

    def __init__(self, report: Report, inputs: Inputs) -> None:
        self.report, self.inputs = report, inputs
        self.arguments: dict[str, Any] | None = None

    def decode(self, payload: bytes, decoders: Decoders) -> None:
        """Get the arguments ready; inputs that cannot be had fail this one alone."""
        try:
            self.arguments = self.inputs.decode(payload, decoders)
        except Exception as error:
            self.report.note(error, canceled=False)

    def emit(self, output: Any) -> None:
        """Send its output, or note its failure."""
        try:
            if isinstance(output, BaseException):
                raise output
            items = items_of(output, False)
            if items is not None:
                for item in items:
                    self.report.chunk(item)
            elif output is not None:
                self.report.whole(output)
        except BaseException as error:
            self.report.note(error, canceled=False)


def _outputs(given: Any, wanted: int) -> list[Any]:
    outputs = list(given) if hasattr(given, "__iter__") and not isinstance(given, str) else None
    if outputs is None or len(outputs) != wanted:
        found = type(given).__name__ if outputs is None else f"{len(outputs)} outputs"
        raise BatchError(
            f"predict_batch() got {wanted} inputs and gave back {found}: a list is needed that "
            "has an output, or an exception, for each input"
        )
    return outputs
