"""Cog's routes for predictions and trainings: create, ask, cancel."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from cogsmith.runtime.process.child import now
from cogsmith.runtime.server import answers
from cogsmith.runtime.server.http import Exchange
from cogsmith.runtime.server.inputs import Gate
from cogsmith.runtime.server.listeners import RETRY, Streaming, Waiting
from cogsmith.runtime.server.metrics import Reason
from cogsmith.runtime.server.record import Record, Turn
from cogsmith.runtime.server.requests import Call, Refusal, addressed, parse
from cogsmith.runtime.server.service import Service, Verdict
from cogsmith.signature import Signature

NOT_READY: Final = (
    "Setup has not finished yet. Wait until it has finished, or GET /health-check for status."
)
FULL: Final = "At capacity - all prediction slots busy"
CLOSING: Final = "The server is shutting down"
NOT_STREAMING: Final = (
    "This model does not support streaming responses. "
    "Add @cog.streaming to predict() to enable SSE."
)
NO_TRAINING_STREAM: Final = "Training endpoints do not support streaming responses."

_ASYNC = re.compile(r"(^|[,;\s])respond-async($|[,;\s])")
_STREAM = re.compile(r"text/event-stream\s*(?:;([^,]*))?", re.IGNORECASE)
_ZERO = re.compile(r"q\s*=\s*0(\.0*)?\s*$")
_REASONS: Final[Mapping[Verdict, Reason]] = {
    Verdict.NOT_READY: "not_ready", Verdict.FULL: "at_capacity", Verdict.CLOSING: "draining",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How requests are answered where one may choose.

    ``busy_status`` is for a full queue: Cog's 409, or 503. ``history`` is how many events of a
    running prediction a second reader may have missed, None for all of them.
    """

    busy_status: int = 409
    history: int | None = None


class Ids:
    """Ids for predictions whose client gave none: as coglet's, and never the same twice."""

    def __init__(self) -> None:
        self._numbers = itertools.count(int(now() * 1e9))

    def next(self) -> str:
        """Another one."""
        return f"pred_{next(self._numbers):x}"


class Predictions:
    """The routes of one service."""

    def __init__(
        self, service: Service, signature: Signature, turn: Turn, manners: Manners
    ) -> None:
        self.service = service
        self.gate = Gate.of(signature)
        self.signature = signature
        self.prepare: Callable[[Record, Call, Exchange], None] = _as_it_is
        self._turn, self._metrics, self._manners = turn, service.metrics, manners
        self._operation = service.operation
        self._noun = "training" if service.operation == "train" else "prediction"
        self._iterator = signature.output.is_iterator
        self._ids = Ids()
        self._streams: set[Streaming] = set()

    # --- routes

    def create(self, exchange: Exchange) -> None:
        """``POST /predictions``."""
        call = parse(exchange.body, exchange.headers.get(b"content-type", b"").decode("latin-1"))
        if type(call) is Refusal:
            self._refuse(exchange, call)
        elif type(call) is Call:
            if call.id is not None and self.service.underway(call.id) is not None:
                self._metrics.refused("conflict")
                error = f"{self._noun} {call.id!r} is already running; PUT asks for it by its id"
                exchange.reply(409, answers.failure(error))
            else:
                self._run(exchange, call, call.id or self._ids.next())

    def put(self, exchange: Exchange, id: str) -> None:  # noqa: A002 - the field's word
        """``PUT /predictions/{id}``: the same prediction for those who ask again."""
        call = parse(exchange.body, exchange.headers.get(b"content-type", b"").decode("latin-1"))
        named = addressed(call, id, noun=self._noun) if isinstance(call, Call) else call
        if isinstance(named, Refusal):
            self._refuse(exchange, named)
            return
        record = self.service.underway(id)
        if record is None:
            self._run(exchange, named, id)
        elif self._wants_stream(exchange):
            if self._may_stream(exchange):
                self._stream(record, exchange, again=True)
        else:
            exchange.reply(202, answers.state(record, self._shown(record)))

    def get(self, exchange: Exchange, id: str) -> None:  # noqa: A002
        """``GET /predictions/{id}``: as it stands, also for a while after its end."""
        record = self.service.known(id)
        if record is None:
            exchange.reply(404, b"{}")
        else:
            exchange.reply(200, answers.state(record, self._shown(record), times=True))

    def cancel(self, exchange: Exchange, id: str) -> None:  # noqa: A002
        """``POST /predictions/{id}/cancel``."""
        exchange.reply(200 if self.service.cancel(id) else 404, b"{}")

    def keep_alive(self) -> None:
        """Let streams that are silent say something."""
        for stream in list(self._streams):
            stream.keep_alive()

    # --- creation

    def record(self, call: Call, id: str, given: bytes) -> Record:  # noqa: A002
        """A prediction that has not been submitted yet."""
        record = Record(id, given, iterator=self._iterator, turn=self._turn)
        if call.context:
            record.context = dict(call.context)
        return record

    def submit(self, record: Record) -> Verdict:
        """Let it run or wait, and count what becomes of it."""
        verdict = self.service.submit(record)
        if verdict is Verdict.TAKEN:
            self._metrics.accepted(self._operation)
        else:
            record.let_go()
            self._metrics.refused(_REASONS[verdict])
        return verdict

    def left(self, record: Record) -> None:
        """The last one who cared for a prediction has left."""
        self.service.drop(record)

    def turned_away(self, exchange: Exchange, verdict: Verdict) -> None:
        """Say why a prediction was not taken."""
        if verdict is Verdict.FULL:
            status, error = self._manners.busy_status, FULL
        elif verdict is Verdict.CLOSING:
            status, error = 503, CLOSING
        else:
            pool = self.service.pool
            status, error = 503, f"{NOT_READY} ({pool.error})" if pool.error else NOT_READY
        exchange.reply(status, answers.failure(error), headers=RETRY)

    def _run(self, exchange: Exchange, call: Call, id: str) -> None:  # noqa: A002
        stream = self._wants_stream(exchange)
        if stream and not self._may_stream(exchange):
            return
        given = self.gate.admit(call.input)
        if not isinstance(given, bytes):
            self._refuse(exchange, given if isinstance(given, Refusal) else given.refusal())
            return
        record = self.record(call, id, given)
        later = not stream and _ASYNC.search(exchange.text(b"prefer")) is not None
        record.keep = later
        self.prepare(record, call, exchange)
        verdict = self.submit(record)
        if verdict is not Verdict.TAKEN:
            self.turned_away(exchange, verdict)
        elif stream:
            self._stream(record, exchange, again=False)
        elif later:
            exchange.reply(202, answers.accepted(record))
        else:
            record.follow(Waiting(record, exchange, self.left))

    def _stream(self, record: Record, exchange: Exchange, *, again: bool) -> None:
        stream = Streaming(record, exchange, self.left)
        most = self._manners.history
        missed = len(record.history) if again and most is not None else 0
        if most is not None and missed > most:
            stream.skip(missed - most)
            return
        self._streams.add(stream)
        stream.on_end = self._streams.discard
        record.follow(stream)

    # --- what clients want

    def _wants_stream(self, exchange: Exchange) -> bool:
        accept = exchange.headers.get(b"accept")
        if accept is None or b"event-stream" not in accept.lower():
            return False
        found = _STREAM.search(accept.decode("latin-1"))
        return found is not None and not _ZERO.search(found[1] or "")

    def _may_stream(self, exchange: Exchange) -> bool:
        if self._operation == "train":
            exchange.reply(406, b'{"error":%b}' % answers.text(NO_TRAINING_STREAM))
        elif not self.signature.streaming:
            exchange.reply(406, b'{"error":%b}' % answers.text(NOT_STREAMING))
        else:
            return True
        return False

    def _refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        self._metrics.refused("invalid_input")
        exchange.reply(refusal.status, refusal.body, refusal.kind)

    def _shown(self, record: Record) -> bytes:
        return self.gate.shown_json(record.given)


def _as_it_is(_record: Record, _call: Call, _exchange: Exchange) -> None:
    """Nothing more is to be done before it runs."""
