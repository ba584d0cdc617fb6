"""Which distribution a base image is, and which packages of it it has. Pure."""

from __future__ import annotations

import shlex

from cogsmith.image.debs.index import installed_packages
from cogsmith.image.system import System
from cogsmith.image.trust.materials import Distribution

__all__ = ["distribution_of"]


def distribution_of(system: System) -> Distribution | None:
    """What os-release and dpkg's status say; None for a base that says nothing of itself."""
    told = _release(system)
    name = told.get("ID", "")
    if not name:
        return None
    found = installed_packages(system.files).values()
    return Distribution(
        name=name,
        version=told.get("VERSION_ID", ""),
        packages=tuple(sorted(found, key=lambda package: (package.name, package.version))),
    )


def _release(system: System) -> dict[str, str]:
    """The variables of os-release(5), whose quotes are the shell's."""
    data = system.files.get("etc/os-release") or system.files.get("usr/lib/os-release", b"")
    found: dict[str, str] = {}
    for line in data.decode("utf-8", "replace").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            try:
                found[name] = "".join(shlex.split(value))
            except ValueError:  # a quote that does not end
                continue
    return found
