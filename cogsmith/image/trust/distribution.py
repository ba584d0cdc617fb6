"""Which distribution a base image is, and which packages of it it has. Pure."""

from __future__ import annotations

from cogsmith.image.debs.index import installed_packages
from cogsmith.image.system import System
from cogsmith.image.trust.materials import Distribution

__all__ = ["distribution_of"]


def distribution_of(system: System) -> Distribution | None:
    """What os-release and dpkg's status say; None for a base that says nothing of itself."""
    told = system.os_release
    name = told.get("ID", "")
    if not name:
        return None
    found = installed_packages(system.files).values()
    return Distribution(
        name=name,
        version=told.get("VERSION_ID", ""),
        packages=tuple(sorted(found, key=lambda package: (package.name, package.version))),
    )
