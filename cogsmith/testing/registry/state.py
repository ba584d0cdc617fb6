"""What the fake registry is and holds, which faults it has, and what it has seen."""

from __future__ import annotations

import itertools
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Fault", "Seen", "State", "Stored"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with the requests whose ``METHOD path`` matches, so many times.

    ``status`` with ``headers`` and ``body``: instead of the right answer. ``cut_request``: the
    connection ends when so many bytes of the body have come. ``cut_reply``: when so many of
    the answer are sent. ``damage``: the answer's first byte is another. ``delay``: seconds
    before the answer. ``redirect``: the same path at another address. ``then``: called first.
    """

    match: str
    times: int = 1
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut_request: int | None = None
    cut_reply: int | None = None
    damage: bool = False
    delay: float = 0.0
    redirect: str = ""
    then: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came: its line, its headers by lower-case name, its body's bytes."""

    method: str
    path: str
    headers: Mapping[str, str]
    received: int


@dataclass(slots=True)
class Stored:
    """What the registry holds. Contents are by digest, for each repository by name."""

    content: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, set[str]] = field(default_factory=dict)
    manifests: dict[str, dict[str, str]] = field(default_factory=dict)  # digest -> media type
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)


@dataclass(kw_only=True)
class State:
    """A registry's manners, its content, and its memory of what came.

    ``auth``: nobody is asked, or ``basic``, or a token of the registry's own service; the
    users are in ``users`` (name to password), and ``identity`` is an identity token that the
    token service takes. ``referrers=False``: as registries before 1.1. ``keeps_cut_uploads``:
    what came before a break stays; distribution 2.8 forgets the upload, and so do we.
    ``chunk_min``: its OCI-Chunk-Min-Length; ``largest``: the bytes of a body that a proxy
    before it lets through (0: any number); ``page``: the most tags in one answer.
    """

    auth: Literal["", "basic", "token"] = ""
    users: Mapping[str, str] = field(default_factory=dict)
    identity: str = ""
    token_lifetime: int = 300
    referrers: bool = True
    keeps_cut_uploads: bool = False
    chunk_min: int = 0
    largest: int = 0
    page: int = 1000
    tls: ssl.SSLContext | None = None
    realm: str = ""
    port: int = 0
    stored: Stored = field(default_factory=Stored)
    seen: list[Seen] = field(default_factory=list)
    tokens: dict[str, tuple[float, frozenset[str]]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    faults: list[tuple[re.Pattern[str], list[int], Fault]] = field(default_factory=list)

    @property
    def host(self) -> str:
        """``127.0.0.1:PORT``: what references begin with."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self.tls else 'http'}://{self.host}"

    def fail(self, match: str, **what: Any) -> None:
        """Let requests fail: the fields of a Fault."""
        fault = Fault(match=match, **what)
        with self.lock:
            self.faults.append((re.compile(match), [fault.times], fault))

    def count(self, match: str) -> int:
        """How many requests came whose ``METHOD path`` matches."""
        with self.lock:
            return sum(bool(re.match(match, f"{seen.method} {seen.path}")) for seen in self.seen)

    def received(self, match: str = "") -> int:
        """How many bytes came in the bodies of such requests."""
        with self.lock:
            return sum(
                seen.received for seen in self.seen if re.match(match, f"{seen.method} {seen.path}")
            )

    def fault(self, line: str) -> Fault | None:
        """The fault that a request meets, which is then used up by one."""
        with self.lock:
            for pattern, left, fault in self.faults:
                if left[0] > 0 and pattern.match(line):
                    left[0] -= 1
                    return fault
        return None

    def lose(self, repository: str, digest: str) -> None:
        """Lose a blob, as a registry does that collects too much garbage."""
        with self.lock:
            self.stored.blobs.get(repository, set()).discard(digest)
