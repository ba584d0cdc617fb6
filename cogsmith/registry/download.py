"""One blob on its way down: gone on with after a break, checked as it passes.

Into a layout, where it has its name only when it is whole and right; or as a stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from cogsmith.errors import DigestMismatch, RegistryError
from cogsmith.oci import Descriptor, Layout, Reference, reader, verified
from cogsmith.registry.challenge import Scope
from cogsmith.registry.host import Again, Call, Host
from cogsmith.registry.progress import Counter
from cogsmith.registry.transport import Broken, Reply
from cogsmith.values import dataclass

__all__ = ["Source"]

HINT = "push the image again, or tell who keeps the registry that what it holds is damaged"
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Source:
    """A blob of a repository, to be read."""

    host: Host
    reference: Reference
    blob: Descriptor
    counter: Counter

    @property
    def where(self) -> str:
        """The repository, for errors."""
        return self.reference.name

    def open(self) -> BinaryIO:
        """The blob as a stream; reading raises DigestMismatch when it is another."""
        stream = reader(self.pieces(0))
        return verified(stream, self.blob.digest, self.blob.size, where=self.where)

    def save(self, layout: Layout) -> None:
        """The blob into a layout. What an earlier try left of it there is gone on with.

        Raises DigestMismatch when the bytes are others; nothing of them is kept then.
        """
        while True:
            resumed = False
            try:
                with layout.incoming(self.blob) as coming:
                    if coming.whole:
                        self.counter.at(self.blob.size, "present")
                        return
                    resumed = coming.size > 0
                    for data in self.pieces(coming.size):
                        coming.write(data)
                self.counter.at(self.blob.size, "done")
                return
            except DigestMismatch as error:
                if not resumed:  # else what was left may be at fault, and it is gone now
                    raise self._placed(error) from error

    def pieces(self, start: int) -> Iterator[bytes]:
        """All bytes from ``start`` on, across breaks; fewer or more than there should be: never."""
        failures, at = 0, start
        self.counter.at(at)
        while at < self.blob.size:
            try:
                for data in self._once(at):
                    at, failures = at + len(data), 0
                    self.counter.more(len(data))
                    self.host.clock.check()
                    yield data
            except Again as again:
                failures += 1
                self.counter.at(at, "retrying", again.error.message)
                self.host.wait(again, failures)

    def _once(self, at: int) -> Iterator[bytes]:
        """The bytes from ``at`` on, as far as one answer brings them. Raises Again."""
        call = Call(
            method="GET", path=f"/v2/{self.reference.repository}/blobs/{self.blob.digest}",
            doing=f"cannot pull blob {self.blob.digest.short}", where=self.where,
            scopes=(Scope(self.reference.repository),), expected=frozenset({200, 206}),
            headers={"range": f"bytes={at}-"} if at else {},
        )  # fmt: skip
        with self.host.send_once(call) as reply:
            skipped = self._begin(reply, at)
            came = 0
            try:
                for data in reply.blocks():
                    came += len(data)
                    if came > skipped + self.blob.size - at:
                        raise self._mismatch("the registry sends more")
                    if (new := min(came - skipped, len(data))) > 0:
                        yield data[len(data) - new :]
            except Broken as error:
                raise Again(error) from error
        if came < skipped + self.blob.size - at:
            message = f"the registry ended blob {self.blob.digest.short} too early"
            raise Again(RegistryError(message, where=self.where))

    def _begin(self, reply: Reply, at: int) -> int:
        """How many bytes of an answer we have already: it may begin at 0 although we asked not to.

        Raises DigestMismatch when it announces another blob than ours.
        """
        found = _CONTENT_RANGE.fullmatch(reply.header("content-range"))
        start = int(found[1]) if reply.status == 206 and found else 0 if reply.status == 200 else at
        total = int(found[2]) if found and found[2] != "*" else None
        if reply.status == 200:
            total = reply.size
        if total is not None and total != self.blob.size:
            raise self._mismatch(f"the registry has {total} bytes under that name")
        if start > at:
            raise RegistryError(
                f"asked for byte {at}, the registry sends {start}", where=self.where
            )
        return at - start

    def _placed(self, error: DigestMismatch) -> DigestMismatch:
        return DigestMismatch(error.message, where=self.where, hint=HINT)

    def _mismatch(self, said: str) -> DigestMismatch:
        message = f"{self.blob.digest} with {self.blob.size} bytes was named, and {said}"
        return DigestMismatch(message, where=self.where, hint=HINT)
