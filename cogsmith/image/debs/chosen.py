"""What was decided for a set of packages: enough to make its layers without asking anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

import msgspec

from cogsmith.errors import LockError
from cogsmith.values import dataclass

__all__ = ["Chosen", "Deb", "Part", "Pins"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deb:
    """A package, pinned: what it is, by which hash it is known, and where it was."""

    name: str
    version: str
    architecture: str
    sha256: str
    size: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """What a lock says of system packages: on this base, for these names, these packages."""

    base: str
    asked: tuple[str, ...]
    packages: tuple[Deb, ...]

    def document(self) -> dict[str, Any]:
        """As a table of the lock, a line for each package."""
        return {
            "base": self.base,
            "asked": list(self.asked),
            "packages": [
                f"{d.name} {d.version} {d.architecture} {d.sha256} {d.size} {d.url}"
                for d in self.packages
            ],
        }

    @classmethod
    def read(cls, table: Mapping[str, Any], where: str) -> Pins:
        """Read such a table. Raises LockError for one that is none."""
        try:
            packages = tuple(_pinned(line) for line in table["packages"])
            return cls(base=table["base"], asked=tuple(table["asked"]), packages=packages)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = "tool.cogsmith.debs pins system packages in a way that cannot be read"
            hint = "take the table out of the lock: the next build writes it anew"
            raise LockError(message, where=where, hint=hint) from error


def _pinned(line: str) -> Deb:
    name, version, architecture, sha256, size, url = line.split()
    return Deb(
        name=name, version=version, architecture=architecture, sha256=sha256, size=int(size),
        url=url,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A package and how it goes into this image.

    ``skip`` has paths that another package, or the base, provides; ``conffiles`` its
    configuration files with the MD5 that dpkg keeps of them.
    """

    deb: Deb
    skip: tuple[str, ...] = ()
    conffiles: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A set: its packages, by name, and what only all of them together decide.

    ``folders`` are links to folders among the packages' own files, through which other
    packages' files go; ``links`` and ``records`` are those of update-alternatives;
    ``libraries`` are (name, path) for the linker's cache; ``notes`` is for people.
    """

    parts: tuple[Part, ...]
    folders: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    records: tuple[tuple[str, str], ...] = ()
    libraries: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = field(default=())

    def render(self) -> bytes:
        """As it is kept."""
        return msgspec.json.encode(self)

    @classmethod
    def parse(cls, data: bytes) -> Chosen | None:
        """Read what was kept; None for what another version of ours has written."""
        try:
            return msgspec.json.decode(data, type=cls)
        except msgspec.MsgspecError:
            return None
