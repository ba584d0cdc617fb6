"""Serving a sync predictor: receive, run, send, all in the main thread, with no event loop.

Signals and CUDA like the main thread. One prediction runs at a time; frames that arrive
meanwhile wait in the socket, and a cancel comes by signal (``cancel.py``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from cogsmith.runtime.worker.batches import Batches
from cogsmith.runtime.worker.cancel import CancelationException, Guard
from cogsmith.runtime.worker.channel import Channel
from cogsmith.runtime.worker.checks import checked
from cogsmith.runtime.worker.frames import Kind
from cogsmith.runtime.worker.inputs import Decoders, Inputs
from cogsmith.runtime.worker.logs import Logs
from cogsmith.runtime.worker.model import Model
from cogsmith.runtime.worker.outputs import Encoder
from cogsmith.runtime.worker.report import Report, Ways
from cogsmith.runtime.worker.scope import Scope
from cogsmith.runtime.worker.streams import context_of, items_of


class SyncLoop:
    """Runs one prediction after the other until it is told to stop."""

    def __init__(self, channel: Channel, guard: Guard, logs: Logs, *, iterator: bool) -> None:
        self._channel, self._guard, self._logs = channel, guard, logs
        self._iterator = iterator
        self._encoder = Encoder()
        self._ways = Ways(output=channel.push, end=channel.send_raw)
        if iterator:
            channel.end_bursts_in_a_thread()

    def serve(self, model: Model, decoders: Decoders) -> None:
        """Take frames until STOP."""
        context: dict[str, str] = {}
        batches = Batches(self._channel, self._logs, self._encoder) if model.batching else None
        while True:
            kind, number, payload = self._channel.receive()
            if kind == Kind.PREDICT and batches and model.batching:
                batches.run(model.batching, (number, payload), decoders)
            elif kind == Kind.PREDICT:
                with Scope(number, self._channel, context):
                    self._predict(number, model.call, payload, decoders)
                context = {}
            elif kind == Kind.CONTEXT:
                context = context_of(payload)
            elif kind == Kind.CHECK:
                # A thread: a check that hangs must not stop predictions.
                threading.Thread(
                    target=checked, args=(model.healthcheck, self._channel, number), daemon=True
                ).start()
            elif kind == Kind.STOP:
                return

    def _predict(
        self, number: int, call: Callable[..., Any], payload: bytes, decoders: Decoders
    ) -> None:
        report = Report(number, self._channel, self._logs, self._encoder, self._ways)
        inputs, guard = Inputs(), self._guard
        guard.begin(number)
        try:
            try:
                guard.arm()
                result = call(**inputs.decode(payload, decoders))
            finally:
                guard.disarm()
            self._emit(report, result)
        except BaseException as error:
            report.note(error, canceled=False)
        finally:
            guard.end()
            inputs.tidy(report.files)
            report.end()

    def _emit(self, report: Report, result: Any) -> None:
        items = items_of(result, self._iterator)
        if items is None:
            if result is not None:
                report.whole(result)
        elif self._iterator:
            for item in self._guarded(items):
                report.chunk(item)
        else:
            report.whole(list(self._guarded(items)))

    def _guarded(self, items: Iterable[Any]) -> Iterator[Any]:
        """The author's items: armed while the next one is made, held while it is sent."""
        guard, source = self._guard, iter(items)
        step = source.__next__
        try:
            while True:
                try:
                    if guard.poked and guard.due():
                        raise CancelationException
                    guard.arm()
                    item = step()
                except StopIteration:
                    return
                finally:
                    guard.disarm()
                yield item
        except CancelationException as cancel:
            _throw(source, cancel)
            raise
        finally:
            _close(source)


def _throw(source: Iterator[Any], cancel: CancelationException) -> None:
    """Let a generator that waits at a ``yield`` see the cancel, as one that computes does."""
    throw = getattr(source, "throw", None)
    if throw is not None:
        with suppress(StopIteration, CancelationException):
            throw(cancel)


def _close(source: Iterator[Any]) -> None:
    close = getattr(source, "close", None)
    if close is not None:
        close()
