"""An answer on the wire, and what it means when the wire breaks."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from cogsmith.errors import Unreachable
from cogsmith.registry.messages import shown

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BLOCK", "FAILURES", "Broken", "Reply", "broken"]

BLOCK = 256 * 1024  # bytes: read, hashed and written while they are still in the cache
DRAINED = 256 * 1024  # bytes of an unread answer that cost less than a new connection

FAILURES = (OSError, http.client.HTTPException)


class Broken(Unreachable):
    """A connection that failed in a way that may pass: the same request may work later.

    ``answered`` says whether this origin has ever answered this process.
    """

    answered = False


def broken(error: Exception, url: str) -> Broken:
    """What happened, in words."""
    if isinstance(error, TimeoutError):
        return Broken(f"{shown(url)} fell silent")
    if isinstance(error, http.client.RemoteDisconnected):
        return Broken(f"{shown(url)}: the other end hung up")
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Broken(f"{shown(url)}: {said}")


class Reply:
    """An answer: its status and headers are there, its body is still on the wire.

    Close it, or use it in a ``with`` block: only then is the connection free again, and
    ``release`` hears whether it can be used once more.
    """

    def __init__(
        self,
        response: http.client.HTTPResponse,
        connection: http.client.HTTPConnection,
        release: Callable[[bool], None],
        url: str,
    ) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.challenges = ", ".join(response.headers.get_all("www-authenticate", []))
        self.url = url
        self._response, self._connection, self._release = response, connection, release

    def header(self, name: str) -> str:
        """A header by its lower-case name, "" when it is not there."""
        return self.headers.get(name, "")

    @property
    def size(self) -> int | None:
        """The number of bytes in the body, None when it is not said."""
        text = self.header("content-length")
        return int(text) if text.isdecimal() else None

    def read(self, limit: int) -> bytes:
        """The body, or its first ``limit`` bytes. Raises Broken when it ends too early."""
        return b"".join(self.blocks(limit))

    def blocks(self, limit: int | None = None) -> Iterator[bytes]:
        """The body in pieces. Raises Broken when the connection fails or falls silent."""
        left = limit
        while left is None or left > 0:
            try:
                data = self._response.read(BLOCK if left is None else min(left, BLOCK))
            except FAILURES as error:
                self._connection.close()
                raise broken(error, self.url) from error
            if not data:
                return self._whole()
            left = None if left is None else left - len(data)
            yield data

    def _whole(self) -> None:
        """A body that ends before its announced length is no body (read() does not mind)."""
        if self._response.length:
            self._connection.close()
            raise Broken(f"the connection ended before {shown(self.url)} was whole")

    def close(self) -> None:
        """Give the connection back; what is left of a short body is read for that."""
        with contextlib.suppress(*FAILURES):
            if (self._response.length or 0) <= DRAINED:
                self._response.read(DRAINED)
        kept = self._response.isclosed() and not self._response.will_close
        self._response.close()
        self._release(kept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
