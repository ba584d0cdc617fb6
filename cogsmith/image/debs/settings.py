"""Where Debian packages come from, and where they are kept: what the person's machine says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cogsmith.values import dataclass

__all__ = ["DebSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DebSettings:
    """``cache`` is the cache's folder (of all of Cogsmith).

    ``mirror`` and ``security_mirror`` are used in the place of the distribution's own hosts,
    which the base image's sources name. ``refresh`` asks the archives anew, where otherwise
    the answer of an earlier build with the same base and the same names is taken again, as
    Docker does with its cache.
    """

    cache: Path
    mirror: str = ""
    security_mirror: str = ""
    refresh: bool = False

    @classmethod
    def of(cls, variables: Mapping[str, str], *, cache: Path, refresh: bool = False) -> DebSettings:
        """Read ``COGSMITH_DEBIAN_MIRROR`` and ``COGSMITH_DEBIAN_MIRROR_SECURITY``."""
        return cls(
            cache=cache,
            mirror=variables.get("COGSMITH_DEBIAN_MIRROR", "").strip().rstrip("/"),
            security_mirror=variables.get("COGSMITH_DEBIAN_MIRROR_SECURITY", "")
            .strip()
            .rstrip("/"),
            refresh=refresh,
        )

    @property
    def folder(self) -> Path:
        """The folder with all that was fetched, each file named by its SHA-256."""
        return self.cache / "debs"
