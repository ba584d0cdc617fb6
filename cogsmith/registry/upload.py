"""One blob on its way up: begun or mounted, sent in pieces, gone on with after a break."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from typing import BinaryIO
from urllib.parse import urlencode

from cogsmith.errors import RegistryError
from cogsmith.oci import CHUNK, Blob
from cogsmith.registry.challenge import Scope
from cogsmith.registry.host import Again, Call, Host
from cogsmith.registry.ledger import Ledger, Page
from cogsmith.registry.messages import Payload
from cogsmith.registry.progress import Counter
from cogsmith.registry.settings import Settings
from cogsmith.registry.transport import Reply
from cogsmith.registry.uploads import (
    Limits,
    Piece,
    Session,
    advanced,
    begun,
    committed_url,
    next_piece,
)
from cogsmith.values import dataclass

__all__ = ["Destination", "Upload"]

OCTETS = "application/octet-stream"
RESTARTS = 3  # of one blob, when the registry has forgotten what it had, or wants less at a time
SMALLEST = 8 * 1024 * 1024  # bytes; a proxy that takes no chunk of this size is set up wrong
# The upload is not there any more, or its bytes are not what we think they are.
LOST = frozenset({400, 404, 416})
# No answer, or one that every other question would get, too.
FINAL = frozenset({0, 401, 429, *range(500, 600)})


@dataclass(frozen=True, slots=True)
class Destination:
    """A repository of a registry, and what uploads to it need."""

    host: Host
    repository: str
    where: str
    settings: Settings
    ledger: Ledger

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """To write to it, and to read."""
        return (Scope(self.repository, ("pull", "push")),)


class _Lost(Exception):
    """The registry does not go on with a session; ``error`` is what it said."""

    def __init__(self, error: RegistryError) -> None:
        self.error = error
        super().__init__(str(error))


class Upload:
    """One blob for one repository. ``run`` it once."""

    def __init__(self, to: Destination, blob: Blob, counter: Counter) -> None:
        self._to, self._blob, self._counter = to, blob, counter
        self._limits = Limits(to.settings.whole, to.settings.chunk)
        self._cursor = _Cursor(blob)
        self._restarts = 0
        self._resumed = False

    def run(self, mount_from: str = "") -> None:
        """Bring the blob there. Raises RegistryError when it cannot be brought."""
        with closing(self._cursor), self._page() as page:
            session = self._resume(page)
            if session is None and mount_from:
                session, mounted = self._mount(mount_from)
                if mounted:
                    self._counter.at(self._blob.size, "mounted")
                    return
            self._drive(session, page)
        self._counter.at(self._blob.size, "done")

    def _page(self) -> AbstractContextManager[Page]:
        """Where this upload is remembered. One that travels in one request is not."""
        if self._blob.size <= self._limits.whole:
            return nullcontext(Page())
        host = self._to.host
        return self._to.ledger.page(
            host.address(), self._to.repository, self._blob.digest, host.clock.now()
        )

    def _resume(self, page: Page) -> Session | None:
        """The session that an earlier process left, if the registry still knows it."""
        left = page.read()
        return self._asked(left) if left else None

    def _mount(self, source: str) -> tuple[Session | None, bool]:
        """Mounted, or the session that the registry opened instead; it may also refuse."""
        try:
            session = self._begin(source)
        except RegistryError as error:
            if error.status in FINAL:
                raise
            return None, False  # we may not read there, or it cannot mount: send the bytes
        return session, session is None

    def _drive(self, session: Session | None, page: Page) -> None:
        """Go from step to step until the blob is there."""
        failures = 0
        while True:
            try:
                session = session or self._begin()
                assert session
                before = session.offset
                session = self._step(session)
                if session is None:
                    page.clear()
                    return
                page.write(session)
                failures = 0 if session.offset > before else failures
            except Again as again:
                failures += 1
                self._counter.at(self._counter.done, "retrying", again.error.message)
                self._to.host.wait(again, failures)
                session = self._asked(session) if session else None
            except _Lost as lost:
                page.clear()
                self._restart(lost)
                session = None

    def _restart(self, lost: _Lost) -> None:
        """Begin again, so often."""
        self._resumed = False
        self._restarts += 1
        if self._restarts > RESTARTS:
            raise lost.error
        self._counter.at(0, "retrying", lost.error.message)

    def _begin(self, mount_from: str = "") -> Session | None:
        """Open a session; None when the blob was mounted from another repository instead."""
        query, scopes = "", self._to.scopes
        if mount_from:
            pair = {"mount": str(self._blob.digest), "from": mount_from}
            query, scopes = f"?{urlencode(pair)}", (*scopes, Scope(mount_from))
        call = self._call(
            "POST", f"/v2/{self._to.repository}/blobs/uploads/{query}", frozenset({201, 202})
        )
        with self._to.host.send(replace(call, scopes=scopes)) as reply:
            if reply.status == 201:
                return None
            try:
                return begun(reply.url, reply.headers)
            except ValueError as error:
                message = f"{call.doing}: its answer is of no use: {error}"
                raise RegistryError(message, where=self._to.where) from error

    def _step(self, session: Session) -> Session | None:
        """Send the next piece, or close the upload (None)."""
        piece = next_piece(session, self._blob.size, self._limits)
        if piece is None or piece.whole:
            self._commit(session, piece)
            return None
        headers = {"content-type": OCTETS, "content-range": piece.content_range}
        call = self._call("PATCH", session.location, frozenset({202}))
        call = replace(call, headers=headers, body=self._payload(piece))
        with self._sent(call) as reply:
            after = advanced(session, reply.url, reply.headers)
        if after.offset <= session.offset:
            # No Range, or none that says more than before: all of the piece was taken.
            return replace(after, offset=piece.stop)
        return after

    def _commit(self, session: Session, piece: Piece | None) -> None:
        url = committed_url(session.location, self._blob.digest)
        call = self._call("PUT", url, frozenset({201, 204}))
        call = replace(
            call, headers={"content-type": OCTETS}, timeout=self._to.settings.commit_timeout
        )
        if piece is not None and piece.size:
            call = replace(call, body=self._payload(piece))
        self._sent(call).close()

    def _sent(self, call: Call) -> Reply:
        """Once: how an upload goes on after a failure depends on how far it came."""
        try:
            return self._to.host.send_once(call)
        except RegistryError as error:
            # Wrong bytes are wrong again, unless others than these were there from before.
            wrong = "DIGEST_INVALID" in error.reasons and not self._resumed
            if (error.status in LOST and not wrong) or self._smaller(error, call):
                raise _Lost(error) from error
            raise

    def _smaller(self, error: RegistryError, call: Call) -> bool:
        """Whether a body was too large for a proxy on the way, and the next one is smaller."""
        size = call.body.size if isinstance(call.body, Payload) else 0
        if error.status != 413 or size <= SMALLEST:
            return False
        self._limits = Limits(whole=0, chunk=max(size // 2, SMALLEST))
        return True

    def _asked(self, session: Session) -> Session | None:
        """How far the registry says that an upload is; None when it knows nothing of it."""
        call = self._call("GET", session.location, frozenset({204}))
        try:
            with self._to.host.send(call) as reply:
                after = advanced(replace(session, offset=0), reply.url, reply.headers)
        except RegistryError as error:
            if error.status in FINAL:
                raise
            return None  # what is wrong with it does not matter: it can begin again
        self._resumed = after.offset > 0
        return after if after.offset <= self._blob.size else None

    def _call(self, method: str, path: str, expected: frozenset[int]) -> Call:
        return Call(
            method=method, path=path, doing=f"cannot push blob {self._blob.digest.short}",
            where=self._to.where, scopes=self._to.scopes, expected=expected,
        )  # fmt: skip

    def _payload(self, piece: Piece) -> Payload:
        def opened() -> Iterator[bytes]:
            self._counter.at(piece.start)
            for data in self._cursor.read(piece):
                self._counter.more(len(data))
                self._to.host.clock.check()
                yield data

        return Payload(piece.size, opened)


class _Cursor:
    """Reads pieces of a blob, as far as possible in one pass over it.

    A layer may be made while it is read: going back to its beginning makes it once more.
    """

    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._stream: BinaryIO | None = None
        self._at = 0

    def read(self, piece: Piece) -> Iterator[bytes]:
        """The bytes of a piece; fewer, when the blob has fewer than it should."""
        stream = self._placed(piece.start)
        while self._at < piece.stop:
            data = stream.read(min(CHUNK, piece.stop - self._at))
            if not data:
                return
            self._at += len(data)
            yield data

    def close(self) -> None:
        """Let go of the blob's stream."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _placed(self, start: int) -> BinaryIO:
        if self._stream is None or self._at > start:
            self.close()
            self._stream, self._at = self._blob.open(), 0
        if self._at < start and self._stream.seekable():
            self._at = self._stream.seek(start)
        while self._at < start:
            data = self._stream.read(min(CHUNK, start - self._at))
            if not data:
                break
            self._at += len(data)
        return self._stream
