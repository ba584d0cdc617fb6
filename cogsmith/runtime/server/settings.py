"""How the server is to run, from environment variables: Cog's, and ours.

A ``COGSMITH_*`` with a value that means nothing is refused, all of them at once; of Cog's own
variables such a value is ignored with a warning, as Cog does. A name that is nearly one of ours
gets a warning, too. docs/reference/serve.md has the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cogsmith.errors import Problem, UsageError
from cogsmith.runtime.server.limits import MIB, Limits
from cogsmith.runtime.server.pool import Restarts
from cogsmith.runtime.server.predictions import Manners
from cogsmith.runtime.server.service import Policy

CLOSE = 0.85  # how much alike two names are when one is meant to be the other
LEVELS = {"debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that an operator chooses. Times are in seconds.

    ``workers`` are processes for a sync predictor. ``drain`` is how long the server waits for
    what is underway when it is told to end; with ``explicit_shutdown`` only ``POST /shutdown``
    ends it. ``keys`` are those that clients must show one of, if there are any.
    """

    host: str = "0.0.0.0"  # noqa: S104 - in a container; `cogsmith serve` binds to loopback
    port: int = 5000
    workers: int = 1
    concurrency: int | None = None  # COG_MAX_CONCURRENCY
    setup_timeout: float | None = None
    upload_url: str | None = None
    file_limit: int = 64 * MIB
    drain: float = 30.0
    explicit_shutdown: bool = False
    keys: tuple[str, ...] = field(default=(), repr=False)
    level: int = LEVELS["info"]
    limits: Limits = field(default_factory=Limits)
    policy: Policy = field(default_factory=Policy)
    restarts: Restarts = field(default_factory=Restarts)
    manners: Manners = field(default_factory=Manners)
    warnings: tuple[str, ...] = ()

    @classmethod
    def parse(cls, environ: Mapping[str, str]) -> Settings:
        """Settings from environment variables. Raises UsageError for every COGSMITH_* at fault."""
        reading = _Reading(environ)
        settings = cls(
            port=reading.ours("PORT", _port, 5000),
            workers=reading.ours("COGSMITH_WORKERS", _count, 1),
            concurrency=reading.cogs("COG_MAX_CONCURRENCY", _count, None),
            setup_timeout=reading.cogs("COG_SETUP_TIMEOUT", _seconds, None) or None,
            upload_url=reading.ours("COGSMITH_UPLOAD_URL", _url, None),
            file_limit=reading.ours("COGSMITH_FILE_LIMIT", _size, 64 * MIB),
            drain=reading.ours("COGSMITH_DRAIN", _seconds, 30.0),
            keys=reading.ours("COGSMITH_API_KEY", _keys, ()),
            level=reading.cogs("COG_LOG_LEVEL", _level, LEVELS["info"]),
            limits=reading.limits(),
            policy=reading.policy(),
            restarts=replace(
                Restarts(), most=reading.ours("COGSMITH_RESTARTS", _whole, Restarts().most)
            ),
            manners=reading.manners(),
        )
        reading.cogs("COG_THROTTLE_RESPONSE_INTERVAL", _seconds, None)  # read by prediction.send
        if reading.problems:
            raise UsageError(reading.problems)
        reading.look_for_slips()
        return replace(settings, warnings=tuple(reading.warnings))


class _Reading:
    """Values as they are read, with what is wrong about them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._known: set[str] = set()
        self.problems: list[Problem] = []
        self.warnings: list[str] = []

    def ours(self, name: str, read: Callable[[str], Any], default: Any) -> Any:
        text = self._text(name)
        if not text:
            return default
        try:
            return read(text)
        except ValueError as problem:
            shown = "its value" if read is _keys else repr(text)
            hint = f"for example {name}={EXAMPLES[read]}"
            self.problems.append(Problem(f"{shown} {problem}", where=name, hint=hint))
            return default

    def cogs(self, name: str, read: Callable[[str], Any], default: Any) -> Any:
        text = self._text(name)
        if not text:
            return default
        try:
            return read(text)
        except ValueError as problem:
            self.warnings.append(f"{name} is ignored: {text!r} {problem}")
            return default

    def look_for_slips(self) -> None:
        """Warn of names that are nearly ours: nobody else would say that they do nothing."""
        names = [name for name in self._environ if name.startswith("COGSMITH_")]
        for name in sorted({*names} - self._known):
            from difflib import get_close_matches  # seldom needed, and slow to import

            near = get_close_matches(name, sorted(self._known), 1, CLOSE)
            if near:
                self.warnings.append(f"{name} means nothing: did you mean {near[0]}?")

    def _text(self, name: str) -> str:
        self._known.add(name)
        return self._environ.get(name, "").strip()

    def limits(self) -> Limits:
        known = Limits()
        return replace(
            known,
            body=self.ours("COGSMITH_MAX_BODY", _size, known.body),
            connections=self.ours("COGSMITH_MAX_CONNECTIONS", _count, known.connections),
            request_timeout=self.ours("COGSMITH_REQUEST_TIMEOUT", _seconds, known.request_timeout),
            idle_timeout=self.ours("COGSMITH_IDLE_TIMEOUT", _seconds, known.idle_timeout),
            send_timeout=self.ours("COGSMITH_SEND_TIMEOUT", _seconds, known.send_timeout),
        )

    def policy(self) -> Policy:
        known = Policy()
        return Policy(
            queue=self.ours("COGSMITH_QUEUE", _whole, known.queue),
            queue_timeout=self.ours("COGSMITH_QUEUE_TIMEOUT", _seconds, known.queue_timeout),
            predict_timeout=self.ours("COGSMITH_PREDICT_TIMEOUT", _seconds, known.predict_timeout),
            cancel_grace=self.ours("COGSMITH_CANCEL_GRACE", _seconds, known.cancel_grace),
            kept=self.ours("COGSMITH_KEEP", _whole, known.kept),
        )

    def manners(self) -> Manners:
        return Manners(
            busy_status=self.ours("COGSMITH_BUSY_STATUS", _busy_status, 409),
            history=self.cogs("COG_STREAM_HISTORY_CAPACITY", _whole, None),
        )


def _whole(text: str) -> int:
    if text.isascii() and text.isdecimal():
        return int(text)
    raise ValueError("is not a whole number, 0 or more")


def _count(text: str) -> int:
    if text.isascii() and text.isdecimal() and int(text) > 0:
        return int(text)
    raise ValueError("is not a whole number above 0")


def _port(text: str) -> int:
    if text.isascii() and text.isdecimal() and int(text) < 65536:
        return int(text)
    raise ValueError("is not a port: 0 to 65535")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if seconds >= 0 and math.isfinite(seconds):
        return seconds
    raise ValueError("is not a number of seconds, 0 or more")


def _size(text: str) -> int:
    """Bytes: ``100000``, ``64k``, ``100m``, ``1g`` (of 1024)."""
    units = {"k": 1024, "m": MIB, "g": 1024 * MIB}
    number = text.lower().removesuffix("b").removesuffix("i")
    unit = units.get(number[-1:], 1)
    number = number[:-1] if unit > 1 else number
    if number.isascii() and number.isdecimal() and int(number) > 0:
        return int(number) * unit
    raise ValueError("is not a size: write bytes, or a number with k, m or g after it")


def _keys(text: str) -> tuple[str, ...]:
    """Keys with blanks or commas between them."""
    keys = tuple(text.replace(",", " ").split())
    if keys:
        return keys
    raise ValueError("holds no key, and without one the server would be open to all")


def _url(text: str) -> str:
    if text.lower().startswith(("http://", "https://")):
        return text
    raise ValueError("is not the address of a server")


def _level(text: str) -> int:
    if text.lower() in LEVELS:
        return LEVELS[text.lower()]
    raise ValueError(f"is none of {', '.join(LEVELS)}")


def _busy_status(text: str) -> int:
    if text in ("409", "429", "503"):
        return int(text)
    raise ValueError("is none of 409 (Cog's), 429 and 503")


EXAMPLES: Mapping[Callable[[str], Any], str] = {
    _whole: "100", _count: "2", _port: "5000", _seconds: "30", _size: "100m",
    _keys: '"$(openssl rand -hex 32)"', _url: "https://example.com/upload/", _busy_status: "503",
}  # fmt: skip
