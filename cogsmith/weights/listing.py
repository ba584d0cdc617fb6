"""What a source holds, before anything of it is fetched. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cogsmith.oci import Digest
from cogsmith.weights.files import WeightFile, set_digest
from cogsmith.weights.patterns import choose

__all__ = ["Listed", "Listing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A file of a source: what is known of it ahead.

    ``key`` names the very bytes, in the source's own words, and is the same as long as they are;
    "" when the source has no such words. ``git`` is the id that git has for the content, if it is
    known: it is checked, as there is no sha256 to check then.
    """

    path: str
    size: int | None = None
    digest: Digest | None = None
    key: str = ""
    git: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A source's files, and how to read one from a byte on.

    ``fingerprint`` is the source's own name of its state; "" where only the bytes can tell.
    ``halt`` ends the reading under way.
    """

    fingerprint: str
    files: tuple[Listed, ...]
    read: Callable[[Listed, int], Iterator[bytes]] = field(compare=False, repr=False)
    halt: Callable[[], None] = field(default=lambda: None, compare=False, repr=False)

    @property
    def size(self) -> int:
        """The bytes of all files, as far as they are known."""
        return sum(file.size or 0 for file in self.files)

    def chosen(
        self, include: tuple[str, ...], exclude: tuple[str, ...]
    ) -> tuple[tuple[Listed, ...], tuple[Listed, ...]]:
        """The files that the patterns take, and those that they leave. Raises WeightsError."""
        taken = set(choose((file.path for file in self.files), include, exclude).taken)
        return (
            tuple(file for file in self.files if file.path in taken),
            tuple(file for file in self.files if file.path not in taken),
        )

    def fingerprint_of(self, files: tuple[WeightFile, ...]) -> str:
        """The fingerprint, now that the files are there."""
        if self.fingerprint:
            return self.fingerprint
        return str(files[0].digest if len(files) == 1 else set_digest(files))
