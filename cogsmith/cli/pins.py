"""What a project's lock pins beside packages: read for a build, and written by the first one.

The project's own lock holds the pins, also when the packages are those of a lock in the cache
(for another platform, say): it is the one that is committed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cogsmith.cli.console import Console
from cogsmith.cli.environment import settings
from cogsmith.cli.request import Request
from cogsmith.environment import (
    Compiler,
    Lock,
    Source,
    find_compiler,
    load_lock,
    lock_path,
    pin_base,
    pin_compiler,
    pin_debs,
    pinned_base,
    pinned_compiler,
    pinned_debs,
)
from cogsmith.errors import LockError
from cogsmith.image import Debs
from cogsmith.image import Pins as DebPins
from cogsmith.oci import Digest
from cogsmith.values import dataclass

__all__ = ["Pins"]


@dataclass(frozen=True, slots=True)
class Pins:
    """The pins of one build: where they stand, and what stood there when it began."""

    request: Request
    path: Path
    lock: Lock | None

    @classmethod
    def of(cls, request: Request, source: Source) -> Pins:
        """Those of the project's lock, which often is the one that packages come from."""
        path = lock_path(request.loaded.path.resolve())
        if source.path == path:
            return cls(request, path, source.lock)
        try:
            return cls(request, path, load_lock(path))
        except LockError:
            return cls(request, path, None)

    def base(self, platform: str) -> Digest | None:
        """The base image's digest for a platform: the lock's, else the request's own."""
        pinned = pinned_base(self.lock) if self.lock else {}
        told = pinned.get(f"{self.request.base} {platform}")
        return Digest.parse(told) if told else self.request.base_digest

    def keep_base(self, platform: str, digest: Digest) -> None:
        """So that the next build, on any machine, begins with the same."""
        if not self.request.locked:
            pin_base(self.path, str(self.request.base), platform, str(digest))

    def compiler(self, base_release: Callable[[], str], console: Console) -> Compiler | None:
        """The Python that makes byte code: of the pinned release, else of the base image's.

        Where that is not here, of another, which gives another image than the pinned one: that
        is said.
        """
        release = (pinned_compiler(self.lock) if self.lock else "") or self.request.compiler
        minor = self.request.python
        found = find_compiler(minor, release or base_release(), settings())
        if found is None:
            console.note(
                f"there is no Python {release or minor} on this machine to make byte code with: "
                "the model's packages will start slower"
            )
        elif release and found.release != release:
            console.note(
                f"byte code is made by Python {found.release}, and {release} is pinned: the "
                f"digest will be another (uv python install {release} brings that one)"
            )
        elif not release and not self.request.locked:
            pin_compiler(self.path, found.release)
        return found

    def debs(self, platform: str) -> DebPins | None:
        """The system packages that the lock has for a platform. Raises LockError."""
        table = pinned_debs(self.lock, platform) if self.lock else {}
        return DebPins.read(table, self.path.name) if table else None

    def keep_debs(self, platform: str, debs: Debs) -> None:
        """As ``keep_base``."""
        if debs.pins and not self.request.locked:
            pin_debs(self.path, platform, debs.pins.document())
