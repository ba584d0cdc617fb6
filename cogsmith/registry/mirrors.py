"""Where a reference is read: at a mirror that is nearer, if it has it, else where it is kept.

What comes from a mirror is checked against its digest as everything is; a tag means what the
mirror says that it means. Nothing is ever pushed to one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from cogsmith.errors import DigestMismatch, RegistryError, Unreachable
from cogsmith.oci import Reference

__all__ = ["Mirrors", "parse_mirrors"]

_log = logging.getLogger(__name__)

Answer = TypeVar("Answer")


def parse_mirrors(text: str) -> dict[str, tuple[str, ...]]:
    """Read ``docker.io=mirror.example:5000, ghcr.io=cache.example/ghcr``; others are left out.

    >>> parse_mirrors("docker.io=a:5000, docker.io=b/hub")
    {'docker.io': ('a:5000', 'b/hub')}
    """
    found: dict[str, tuple[str, ...]] = {}
    for word in text.replace(",", " ").split():
        registry, sign, mirror = word.partition("=")
        if registry and sign and mirror:
            found[registry] = (*found.get(registry, ()), mirror.rstrip("/"))
    return found


class Mirrors:
    """The mirrors of each registry, in the order in which they are asked."""

    def __init__(self, mirrors: Mapping[str, tuple[str, ...]]) -> None:
        self._mirrors = mirrors
        self._silent: set[str] = set()
        self._served: dict[str, str] = {}

    def read(self, reference: Reference, action: Callable[[Reference], Answer]) -> Answer:
        """Do it where it can be done: at the mirrors, and at last where the reference says.

        Raises what the reference's own registry says; what mirrors say is logged. One that
        does not answer is not asked again.
        """
        for mirror in self._mirrors.get(reference.registry, ()):
            if mirror in self._silent:
                continue
            try:
                answer = action(_at(mirror, reference))
            except (RegistryError, DigestMismatch) as error:
                _log.info("mirror %s: %s", mirror, error.message)
                if isinstance(error, Unreachable):
                    self._silent.add(mirror)
            else:
                self._served[reference.name] = mirror
                return answer
        return action(reference)

    def place(self, reference: Reference) -> Reference:
        """Where the repository was read last."""
        mirror = self._served.get(reference.name)
        return reference if mirror is None else _at(mirror, reference)


def _at(mirror: str, reference: Reference) -> Reference:
    host, _, prefix = mirror.partition("/")
    name = f"{prefix}/{reference.repository}" if prefix else reference.repository
    return replace(reference, registry=host, repository=name)
