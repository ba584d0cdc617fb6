"""OpenAI's routes: the same predictor, slots and queue, in other words."""

from __future__ import annotations

from collections.abc import Callable
from os import urandom

import msgspec

from cogsmith.prediction import Event, Finished, Output
from cogsmith.runtime.openai import Answer, ApiError, Asked, Dialect
from cogsmith.runtime.process.child import now
from cogsmith.runtime.server.http import EVENTS, JSON, Exchange
from cogsmith.runtime.server.listeners import NO_CACHE, RETRY
from cogsmith.runtime.server.predictions import Predictions
from cogsmith.runtime.server.record import Record
from cogsmith.runtime.server.requests import Call, Refusal
from cogsmith.runtime.server.service import Verdict

_WORDS = {
    Verdict.NOT_READY: "the model is being loaded; try again in a moment",
    Verdict.FULL: "the model is at capacity; try again in a moment",
    Verdict.CLOSING: "the server is shutting down",
}
_HELD = 256 * 1024  # bytes that wait in us for a client that reads slowly


class OpenAI:
    """``/v1``: chat completions, completions, models."""

    def __init__(self, dialect: Dialect, predictions: Predictions) -> None:
        self._dialect = dialect
        self._predictions = predictions

    def chat(self, exchange: Exchange) -> None:
        """``POST /v1/chat/completions``."""
        self._answer(exchange, self._dialect.chat)

    def complete(self, exchange: Exchange) -> None:
        """``POST /v1/completions``."""
        self._answer(exchange, self._dialect.completion)

    def models(self, exchange: Exchange) -> None:
        """``GET /v1/models``."""
        exchange.reply(200, self._dialect.models())

    def model(self, exchange: Exchange) -> None:
        """``GET /v1/models/{name}``; a name may hold slashes."""
        name = "/".join(exchange.segments[2:])
        try:
            exchange.reply(200, self._dialect.describe(name))
        except ApiError as error:
            _refuse(exchange, error)

    def _answer(self, exchange: Exchange, understand: Callable[..., Asked]) -> None:
        try:
            asked = understand(_body(exchange), id=urandom(16).hex())
            records = self._records(asked)
        except ApiError as error:
            self._predictions.service.metrics.refused("invalid_input")
            _refuse(exchange, error)
            return
        for at, record in enumerate(records):
            verdict = self._predictions.submit(record)
            if verdict is not Verdict.TAKEN:
                for taken in records[:at]:
                    self._predictions.left(taken)
                busy = ApiError(_WORDS[verdict], status=503, code=verdict.name.lower())
                _refuse(exchange, busy)
                return
        _Answering(exchange, asked, records, self._predictions.left)

    def _records(self, asked: Asked) -> list[Record]:
        """A prediction for each choice. Raises ApiError for inputs that do not fit."""
        records = []
        for number, inputs in enumerate(asked.inputs):
            given = self._predictions.gate.admit(msgspec.json.encode(inputs))
            if isinstance(given, Refusal):
                raise ApiError(given.body.decode("utf-8", "replace"))
            if not isinstance(given, bytes):
                fault = given.items[0]
                raise ApiError(fault.msg, where=".".join(fault.loc[2:]), code="invalid_value")
            records.append(self._predictions.record(Call(), f"{asked.id}-{number}", given))
        return records


class _Answering:
    """One answer that several predictions make together."""

    def __init__(
        self, exchange: Exchange, asked: Asked, records: list[Record],
        left: Callable[[Record], None],
    ) -> None:  # fmt: skip
        self._exchange, self._left, self._records = exchange, left, records
        self._answer = Answer(asked, created=int(now()))
        self._stream = asked.stream
        self._opened = self._full = False
        self._waiting: list[bytes] = []
        self._held = 0
        exchange.gone, exchange.full, exchange.room = self._drop, self._wait, self._go_on
        self._choices = [_Choice(self, record, at) for at, record in enumerate(records)]
        for choice in self._choices:
            choice.record.follow(choice)

    def take(self, choice: int, events: list[Event]) -> None:
        """Send what comes of more events of a choice."""
        if self._exchange.done:
            return
        try:
            made = b"".join([self._answer.take(choice, event) for event in events])
        except ApiError as error:
            _refuse(self._exchange, self._worded(error, self._records[choice]))
            self._drop()
            return
        if self._stream:
            self._send(made)
        if self._answer.done:
            self._end()

    @staticmethod
    def _worded(error: ApiError, record: Record) -> ApiError:
        """A prediction that never ran was not at fault: its client may try again."""
        if record.expired:
            return ApiError(record.error, status=503, code="queue_timeout")
        return error

    def _send(self, made: bytes) -> None:
        if not made:
            return
        if not self._opened:
            self._opened = True
            self._exchange.open(200, EVENTS, NO_CACHE)
        if self._full:
            self._waiting.append(made)
            self._held += len(made)
            if self._held > _HELD:
                for choice in self._choices:
                    choice.record.hold(choice)
        else:
            self._exchange.write(made)

    def _end(self) -> None:
        if not self._stream:
            self._exchange.reply(200, self._answer.body(), JSON)
        elif not self._full:
            self._exchange.end()
        if any(not record.ended for record in self._records):
            self._drop()  # one choice failed: the others are of no use

    def _wait(self) -> None:
        self._full = True

    def _go_on(self) -> None:
        self._full = False
        waiting, self._waiting, self._held = self._waiting, [], 0
        self._exchange.write(b"".join(waiting))
        for choice in self._choices:
            choice.record.go_on(choice)
        if self._answer.done:
            self._exchange.end()

    def _drop(self) -> None:
        for choice in self._choices:
            if not choice.record.unfollow(choice):
                self._left(choice.record)


class _Choice:
    """One of the predictions, as its listener."""

    __slots__ = ("_answering", "_at", "_number", "record")
    reads = True

    def __init__(self, answering: _Answering, record: Record, number: int) -> None:
        self.record = record
        self._answering, self._number, self._at = answering, number, 0

    def flush(self) -> None:
        """Pass on what is new."""
        fresh = self.record.history[self._at :]
        if fresh:
            self._at += len(fresh)
            events = [Output(json=item) if type(item) is bytes else item for item in fresh]
            self._answering.take(self._number, events)  # type: ignore[arg-type]

    def end(self) -> None:
        """Pass on the end."""
        record = self.record
        last = Finished(
            at=record.completed_at or 0.0, status=record.status, error=record.error,
            predict_time=record.metrics.get("predict_time", 0.0),
        )  # fmt: skip
        self._answering.take(self._number, [last])


def _body(exchange: Exchange) -> object:
    try:
        return msgspec.json.decode(exchange.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise ApiError(f"the body is not JSON: {problem}") from None


def _refuse(exchange: Exchange, error: ApiError) -> None:
    headers = {b"x-should-retry": b"false"} if error.status == 500 else {}
    if error.status in (429, 503):
        headers = RETRY
    exchange.reply(error.status, error.body(), headers=headers)
