"""A model behind a URL that speaks Cog's HTTP API: a server of ours, of Cog, or a container."""

from __future__ import annotations

import asyncio
import base64
import json
import mimetypes
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from cogsmith.cases.case import Answer
from cogsmith.errors import TargetError
from cogsmith.signature import FileInput, Signature, check

__all__ = ["Served", "fetch_document", "wait_until_ready"]

PAUSE = 1.0  # seconds between two tries, unless the server says another number
ASKED = 30.0  # seconds for the small answers: documents and health
LARGEST = 16 * 1024 * 1024  # bytes of a document
BUSY = {409, 429, 503}
BROKEN = (OSError, HTTPException, ValueError)


def fetch_document(url: str, key: str = "") -> Any:
    """The OpenAPI document of a server, as JSON.

    ``url`` is the server's, or that of the document itself (``....json``). Raises TargetError.
    """
    place = url if url.endswith(".json") else f"{url.rstrip('/')}/openapi.json"
    try:
        with _opened(place, key=key, timeout=ASKED) as answer:
            return json.loads(answer.read(LARGEST))
    except urllib.error.HTTPError as error:
        error.close()
        hint = "set COGSMITH_API_KEY" if error.code == 401 else "is it the address of a model?"
        raise TargetError(f"answers {error.code} {error.reason}", where=place, hint=hint) from None
    except BROKEN as error:
        raise _unreachable(place, error) from None


def wait_until_ready(url: str, timeout: float, key: str = "") -> float:
    """Wait until a server's model is set up; answers how long that took, in seconds.

    A server without ``/health-check`` counts as ready. Raises TargetError when the setup has
    failed, and when it takes too long.
    """
    begun = time.monotonic()
    while True:
        health = _health(url, key)
        if health in ("STARTING", "UNKNOWN") and time.monotonic() - begun < timeout:
            time.sleep(PAUSE / 4)
            continue
        if health in ("STARTING", "SETUP_FAILED", "DEFUNCT"):
            said = "is not ready" if health == "STARTING" else "cannot be set up"
            raise TargetError(f"the model {said} ({health})", where=url, hint="look at its log")
        return time.monotonic() - begun


def _health(url: str, key: str) -> str:
    place = f"{url.rstrip('/')}/health-check"
    try:
        with _opened(place, key=key, timeout=ASKED) as answer:
            told = json.loads(answer.read(LARGEST))
    except urllib.error.HTTPError as error:
        error.close()
        return ""
    except BROKEN as error:
        raise _unreachable(place, error) from None
    return str(told.get("status", "")) if isinstance(told, dict) else ""


def _unreachable(place: str, error: Exception) -> TargetError:
    reason = getattr(error, "reason", None) or error
    return TargetError(f"does not answer: {reason}", where=place, hint="is the server running?")


def _opened(
    url: str, *, body: bytes | None = None, accept: str = "application/json", key: str = "",
    timeout: float,
) -> HTTPResponse:  # fmt: skip
    """Send a request; proxies are those of the environment. Raises HTTPError, OSError."""
    headers = {"Accept": accept, "Prefer": "wait"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if key:
        headers["Authorization"] = f"Bearer {key}"
    if not url.startswith(("http://", "https://")):
        raise ValueError("only http and https are spoken")
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - the scheme is known
    opened: HTTPResponse = urllib.request.urlopen(request, timeout=timeout)  # noqa: S310
    return opened


@dataclass(kw_only=True)
class Served:
    """A model behind a URL; ``key`` is sent as a bearer token, ``where`` names it for people.

    Where the model streams, its events are read as they come, so that the first one can be timed.
    """

    url: str
    signature: Signature
    key: str = field(default="", repr=False)
    setup: float | None = None
    where: str = ""

    def __post_init__(self) -> None:
        self.where = self.where or self.url

    async def predict(self, inputs: Mapping[str, Any], timeout: float) -> Answer:
        """One answer. A server that is busy is asked again until the time is over.

        What it refuses is told in our words first, so that a case means the same everywhere.
        """
        body = json.dumps({"input": {n: _sent(value) for n, value in inputs.items()}}).encode()
        try:
            answer = await asyncio.wait_for(_aside(lambda: self._ask(body, timeout)), timeout)
        except asyncio.TimeoutError:
            return Answer(ok=False, error=f"gave up after {timeout:g} s", total=timeout)
        if not answer.refused:
            return answer
        ours = [problem.message for problem in check(self.signature, inputs)]
        return replace(answer, error="\n".join([*ours, answer.error]))

    def _ask(self, body: bytes, timeout: float) -> Answer:
        end = time.monotonic() + timeout
        while True:
            begun = time.perf_counter()
            try:
                return self._answer(body, begun, max(0.1, end - time.monotonic()))
            except urllib.error.HTTPError as error:
                with error:
                    pause = _pause(error)
                    if error.code not in BUSY or time.monotonic() + pause > end:
                        return _refusal(error, time.perf_counter() - begun)
                time.sleep(pause)
            except BROKEN as error:
                said = f"the server does not answer: {getattr(error, 'reason', None) or error}"
                return Answer(ok=False, error=said, crashed=True)

    def _answer(self, body: bytes, begun: float, timeout: float) -> Answer:
        accept = "text/event-stream" if self.signature.streaming else "application/json"
        place = f"{self.url.rstrip('/')}/predictions"
        with _opened(place, body=body, accept=accept, key=self.key, timeout=timeout) as opened:
            kind = opened.headers.get_content_type()
            if kind != "text/event-stream":
                reply = json.loads(opened.read())
                return self._told(reply, None, begun)
            first: float | None = None
            for name, data in _events(opened):
                if name == "output" and first is None:
                    first = time.perf_counter() - begun
                elif name == "completed":
                    return self._told(data, first, begun)
        raise HTTPException("the stream ended too early")

    def _told(self, reply: Any, first: float | None, begun: float) -> Answer:
        if not isinstance(reply, dict):
            raise ValueError("the answer is not that of a prediction")
        total = time.perf_counter() - begun
        output, error = reply.get("output"), str(reply.get("error") or "")
        ok = reply.get("status") == "succeeded"
        pieces = output if isinstance(output, list) and self.signature.output.is_iterator else None
        return Answer(
            ok=ok, output=output, error=error or ("" if ok else str(reply.get("status"))),
            chunks=len(pieces) if pieces is not None else int(output is not None),
            first=total if first is None and output is not None else first, total=total,
            logs=str(reply.get("logs") or ""), metrics=reply.get("metrics") or {},
            crashed=error.startswith("Worker crashed"),
        )  # fmt: skip


def _events(lines: HTTPResponse) -> Iterator[tuple[str, Any]]:
    """Server-sent events (WHATWG): names, and what their data says as JSON."""
    name: str = "message"
    data: list[str] = []
    for raw in lines:
        line = raw.decode("utf-8").rstrip("\r\n")
        if not line:
            if data:
                yield name, json.loads("\n".join(data))
            name, data = "message", []
        elif line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))


def _pause(error: urllib.error.HTTPError) -> float:
    told = error.headers.get("Retry-After", "")
    return float(told) if told.isdecimal() else PAUSE


def _refusal(error: urllib.error.HTTPError, total: float) -> Answer:
    """What a server says that does not run a prediction, in as few words as can be."""
    try:
        body = error.read(LARGEST).decode("utf-8", "replace")
    except BROKEN:
        body = ""
    refused = error.code in (400, 422)
    said = _detail(body) or f"{error.code} {error.reason}"
    return Answer(ok=False, error=said, refused=refused, total=total)


def _detail(body: str) -> str:
    """The messages of FastAPI's errors, which Cog speaks; else the text."""
    try:
        told = json.loads(body)
    except ValueError:
        return body.strip()
    if not isinstance(told, dict):
        return body.strip()
    detail = told.get("detail")
    if not isinstance(detail, list):
        return str(detail or told.get("error") or body)
    return "\n".join(_fault(one) for one in detail if isinstance(one, dict))


def _fault(fault: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in fault.get("loc", ()) if part not in ("body", "input"))
    return f"{place}: {fault.get('msg', '')}" if place else str(fault.get("msg", ""))


def _sent(value: Any) -> Any:
    """A file travels as a data URI."""
    if isinstance(value, list):
        return [_sent(item) for item in value]
    if not isinstance(value, FileInput):
        return value
    kind = mimetypes.guess_type(value.path)[0] or "application/octet-stream"
    content = base64.b64encode(Path(value.path).read_bytes()).decode()
    return f"data:{kind};base64,{content}"


async def _aside(work: Callable[[], Answer]) -> Answer:
    """Run what blocks in a thread that nobody waits for: Ctrl-C must not hang on a silent server.

    (``asyncio.to_thread`` has threads that Python waits for at its end.)
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Answer] = loop.create_future()

    def settle(answer: Answer) -> None:
        if not done.done():
            done.set_result(answer)

    def go() -> None:
        answer = Answer(ok=False, error="the request broke off")  # unless it comes to its end
        try:
            answer = work()
        finally:
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, answer)

    threading.Thread(target=go, name="cogsmith-case", daemon=True).start()
    return await done
