"""A record as the bytes of Cog's answers: the whole reply, the state so far, events of a stream.

JSON that the worker has made is spliced, never parsed. Keys are sorted and there are no blanks,
as in Cog's own answers (facts/cog-messages.md, 4).
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import msgspec

from cogsmith.prediction import Log, Metric, Status
from cogsmith.runtime.server.record import Item, Record

KEEP_ALIVE = b": keep-alive\n\n"


def text(value: Any) -> bytes:
    """A JSON value as compact text."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # half of a surrogate pair: only an escape can say it
        return json.dumps(value, separators=(",", ":")).encode()


def moment(at: float | None) -> str | None:
    """A time as Cog writes it: ISO 8601 in UTC with microseconds."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="microseconds")


def output(record: Record) -> bytes:
    """The output so far: a list for an iterator, the value for anything else, or null."""
    chunks = record.chunks
    if record.iterator:
        return b"[%b]" % b",".join(chunks) if chunks or record.ended else b"null"
    return chunks[-1] if chunks else b"null"


def reply(record: Record) -> bytes:
    """What a client gets that waited for the end."""
    if record.status is Status.SUCCEEDED and len(record.history) == record.outputs:
        return b'{"id":%b,"logs":"","metrics":%b,"output":%b,"status":"succeeded"}' % (
            text(record.id),
            _metrics(record),
            output(record),
        )
    error = b'"error":%b,' % text(record.error) if record.error else b""
    shown = record.outputs or record.status is Status.SUCCEEDED
    return b'{%b"id":%b,"logs":%b,"metrics":%b,%b"status":"%b"}' % (
        error,
        text(record.id),
        text(record.logs),
        text(record.metrics),
        b'"output":%b,' % output(record) if shown else b"",
        record.status.value.encode(),
    )


def _metrics(record: Record) -> bytes:
    metrics = record.metrics
    if len(metrics) == 1 and "predict_time" in metrics:
        return b'{"predict_time":%b}' % repr(metrics["predict_time"]).encode()
    return text(metrics)


def state(record: Record, shown: bytes, *, times: bool = False) -> bytes:
    """The prediction as it stands; ``shown`` is its input with secrets starred.

    With ``times``, also when it was created, started and completed.
    """
    told: list[tuple[bytes, bytes]] = [
        (b"id", text(record.id)),
        (b"input", shown),
        (b"logs", text(record.logs)),
        (b"metrics", text(record.metrics)),
        (b"output", output(record)),
        (b"status", text(record.status.value)),
    ]
    if record.error:
        told.append((b"error", text(record.error)))
    if times:
        for name in ("created_at", "started_at", "completed_at"):
            at = getattr(record, name)
            if at is not None:
                told.append((name.encode(), text(moment(at))))
    return b"{%b}" % b",".join(b'"%b":%b' % pair for pair in sorted(told))


def accepted(record: Record) -> bytes:
    """What a client gets that does not wait."""
    return b'{"id":%b,"status":"starting"}' % text(record.id)


def failure(error: str) -> bytes:
    """A prediction that did not come to be."""
    return b'{"error":%b,"status":"failed"}' % text(error)


# --- server-sent events


def started(record: Record) -> bytes:
    """The first event."""
    return b'event: start\ndata: {"id":%b,"status":"processing"}\n\n' % text(record.id)


def chunk(json: bytes, index: int) -> bytes:
    """The event of one output."""
    return b'event: output\ndata: {"chunk":%b,"index":%d}\n\n' % (json, index)


def events(items: list[Item], index: int) -> list[bytes]:
    """The events of a piece of history; ``index`` is that of the first output in it."""
    found = []
    for item in items:
        if type(item) is bytes:
            found.append(chunk(item, index))
            index += 1
        elif type(item) is Log:
            told = {"data": item.text, "source": item.source}
            found.append(b"event: log\ndata: %b\n\n" % text(told))
        elif type(item) is Metric:
            told = {"name": item.name, "value": item.value, "mode": item.mode}
            found.append(b"event: metric\ndata: %b\n\n" % text(told))
    return found


def truncated(skipped: int) -> bytes:
    """The only event of a replay whose beginning is not kept (COG_STREAM_HISTORY_CAPACITY)."""
    told = {"error": "SSE stream replay truncated", "skipped": skipped}
    return b"event: error\ndata: %b\n\n" % text(told)


def completed(record: Record) -> bytes:
    """The last event: the whole reply."""
    return b"event: completed\ndata: %b\n\n" % reply(record)
