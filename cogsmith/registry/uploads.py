"""An upload as a value: where it goes on, how far it is, which bytes are next. Pure.

The registry decides how far an upload is, not we: every answer is read anew. Measured on
distribution 2.8 (facts/builders.md §3): between two chunks an upload goes on after a break;
a break inside a chunk ends it there, and the blob begins again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode, urlsplit, urlunsplit

from cogsmith.oci import Digest
from cogsmith.registry.messages import resolve
from cogsmith.values import dataclass

__all__ = ["Limits", "Piece", "Session", "advanced", "begun", "committed_url", "next_piece"]

_RANGE = re.compile(r"(?:bytes[= ])?(\d{1,19})-(\d{1,19})")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes: what travels in one request, and how large chunks are beyond that."""

    whole: int
    chunk: int


@dataclass(frozen=True, slots=True)
class Session:
    """An upload under way: its address, the bytes that the registry has, its smallest chunk."""

    location: str
    offset: int = 0
    least: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """The bytes ``start`` to ``stop`` (not included); ``whole``: the blob, in one request."""

    start: int
    stop: int
    whole: bool = False

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self.stop - self.start

    @property
    def content_range(self) -> str:
        """As the distribution spec writes it: both ends included, no unit."""
        return f"{self.start}-{self.stop - 1}"


def begun(url: str, headers: Mapping[str, str]) -> Session:
    """The session that a 202 to a POST opens. Raises ValueError when it names no address."""
    least = headers.get("oci-chunk-min-length", "")
    return Session(location=_location(url, headers), least=int(least) if least.isdecimal() else 0)


def advanced(session: Session, url: str, headers: Mapping[str, str]) -> Session:
    """The session after an answer of the registry says how far it is (202, 204 or 416).

    An answer without ``Range`` leaves it where it was.

    >>> advanced(Session("https://r/u/1"), "https://r/u/1", {"range": "0-99"}).offset
    100
    """
    location = resolve(url, headers["location"]) if headers.get("location") else session.location
    found = _RANGE.fullmatch(headers.get("range", "").strip())
    if found is None:
        return replace(session, location=location)
    last = int(found[2])
    # Distribution writes 0-0 both for no byte and for one; chunks have more than one.
    return replace(session, location=location, offset=last + 1 if last else 0)


def next_piece(session: Session, size: int, limits: Limits) -> Piece | None:
    """What to send next of a blob; None: all is there, and only the commit is missing.

    >>> next_piece(Session("u"), 10, Limits(whole=10, chunk=4))
    Piece(start=0, stop=10, whole=True)
    >>> next_piece(Session("u", offset=8), 10, Limits(whole=9, chunk=4))
    Piece(start=8, stop=10, whole=False)
    """
    if session.offset == 0 and size <= limits.whole:
        return Piece(0, size, whole=True)
    if session.offset >= size:
        return None
    length = max(limits.chunk, session.least)
    return Piece(session.offset, min(session.offset + length, size))


def committed_url(location: str, digest: Digest) -> str:
    """The address that closes an upload; a location may have a query of its own already.

    >>> committed_url("https://r/u/1?_state=x", Digest.of(b""))[:40]
    'https://r/u/1?_state=x&digest=sha256%3Ae'
    """
    parts = urlsplit(location)
    query = f"{parts.query}&" if parts.query else ""
    return urlunsplit(parts._replace(query=f"{query}{urlencode({'digest': str(digest)})}"))


def _location(url: str, headers: Mapping[str, str]) -> str:
    if not headers.get("location"):
        raise ValueError("it names no place to upload to (Location)")
    return resolve(url, headers["location"])
