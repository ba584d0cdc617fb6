"""What a model's server answers → the events of a prediction, as a local worker would give them.

Cog's HTTP API: a whole reply as JSON, or server-sent events when the model streams
(facts/cog-messages.md, 4).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cogsmith.errors import InvalidInput, PredictionError, Problem
from cogsmith.prediction import Event, Finished, Log, Metric, Output, Status

__all__ = ["events_of_reply", "events_of_stream", "finished_of", "refusal"]

RUNTIME = "predict_time"
MODES = ("replace", "increment", "append")


def events_of_reply(reply: Mapping[str, Any], *, iterator: bool, at: float) -> Iterator[Event]:
    """A whole reply as events: logs, outputs, metrics, the end. ``at``: seconds since 1970."""
    if reply.get("logs"):
        yield Log(source="stdout", text=str(reply["logs"]))
    output = reply.get("output")
    pieces = output if iterator and isinstance(output, list) else [output]
    if output is not None:
        for index, piece in enumerate(pieces):
            yield Output(json=_text(piece), index=index)
    metrics = reply.get("metrics")
    for name, value in metrics.items() if isinstance(metrics, dict) else ():
        if name != RUNTIME:
            yield Metric(name=name, value=value)
    yield finished_of(reply, at)


def finished_of(reply: Mapping[str, Any], at: float) -> Finished:
    """How it ended. A server that says nothing of that, or something new, has failed."""
    told = reply.get("status")
    known = {status.value: status for status in Status if status.terminal}
    error = reply.get("error") or ("" if told in known else f"the server says {told!r}")
    metrics = reply.get("metrics")
    taken = metrics.get(RUNTIME) if isinstance(metrics, dict) else None
    return Finished(
        at=at, status=known.get(str(told), Status.FAILED), error=str(error or ""),
        predict_time=float(taken) if isinstance(taken, int | float) else 0.0,
    )  # fmt: skip


def events_of_stream(lines: Iterable[bytes], *, at: float) -> Iterator[Event]:
    """Server-sent events as the events of a prediction; the last is Finished.

    Raises PredictionError for a stream that says it is cut, or ends without an end.
    """
    logged = False
    for kind, data in _messages(lines):
        if kind == "output":
            yield Output(json=_text(data.get("chunk")), index=int(data.get("index") or 0))
        elif kind == "log":
            logged = True
            source = "stderr" if data.get("source") == "stderr" else "stdout"
            yield Log(source=source, text=str(data.get("data") or ""))  # type: ignore[arg-type]
        elif kind == "metric" and data.get("mode") in MODES:
            yield Metric(name=str(data.get("name")), value=data.get("value"), mode=data["mode"])
        elif kind == "error":
            raise PredictionError(str(data.get("error") or "the stream broke off"))
        elif kind == "completed":
            if data.get("logs") and not logged:  # a server that has no events for them
                yield Log(source="stdout", text=str(data["logs"]))
            yield finished_of(data, at)
            return
    raise PredictionError("the stream ended before the prediction did")


def _messages(lines: Iterable[bytes]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The messages of an event stream: kind and data ("Interpreting an event stream", WHATWG)."""
    kind = ""
    data: list[str] = []
    for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield kind, _object("\n".join(data))
            kind, data = "", []
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def refusal(status: int, reason: str, body: bytes) -> PredictionError:
    """A prediction that the server did not take: in its own words, as far as it has some."""
    said = _object(body.decode("utf-8", "replace"))
    detail = said.get("detail")
    if status == 422 and isinstance(detail, list):
        return InvalidInput([_problem(one) for one in detail] or [Problem("inputs are refused")])
    words = said.get("error") or detail or body[:500].decode("utf-8", "replace").strip() or reason
    kind = InvalidInput if status in (400, 422) else PredictionError
    return kind(f"the model's server answers {status}: {words}")


def _problem(one: Any) -> Problem:
    """``{"loc": ["body", "input", "count"], "msg": ...}``, as FastAPI and Cog say it."""
    told = one if isinstance(one, dict) else {"msg": str(one)}
    place = told.get("loc")
    name = ".".join(map(str, place[2:])) if isinstance(place, list) else ""
    message = str(told.get("msg") or told)
    return Problem(f'invalid input "{name}": {message}' if name else message)
