"""What the server takes from a client at most."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes, times in seconds; a time of 0 is no limit.

    ``body`` is a request's body, ``head`` its request line and headers; ``headers`` counts
    these. ``buffer`` is how much of an answer may wait for a slow client before the predictor
    is told to wait.

    A request must be there ``request_timeout`` seconds after its first byte; each ``rate`` bytes
    of its body give it a second more. A connection may be idle for ``idle_timeout`` between two
    requests. A client that has read nothing of its answer for ``send_timeout`` has left.
    """

    body: int = 100 * MIB  # as coglet
    head: int = 64 * 1024
    headers: int = 100
    buffer: int = 256 * 1024
    connections: int = 10_000
    request_timeout: float = 30.0
    rate: int = 1000
    idle_timeout: float = 120.0
    send_timeout: float = 60.0

    def too_long(self) -> bytes:
        """What a client is told whose body is too long."""
        return b"the body is longer than %d bytes, the most that this server takes" % self.body
