"""Which package needs which, of those that are in the image. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from cogsmith.oci import Platform

__all__ = ["Graph", "graph", "marker_environment"]

# names of packages -> the names of those that they need, sorted
Graph = Mapping[str, tuple[str, ...]]

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def marker_environment(python: str, platform: Platform) -> dict[str, str]:
    """What markers see in the image. The patch version is 0: the lock's resolver takes it so.

    >>> marker_environment("3.11", Platform.parse("linux/amd64"))["platform_machine"]
    'x86_64'
    """
    minor = ".".join(python.split(".")[:2])
    full = python if python.count(".") > 1 else f"{minor}.0"
    return {
        "implementation_name": "cpython", "implementation_version": full, "os_name": "posix",
        "platform_machine": _MACHINES.get(platform.architecture, platform.architecture),
        "platform_python_implementation": "CPython", "platform_release": "",
        "platform_system": "Linux", "platform_version": "", "python_full_version": full,
        "python_version": minor, "sys_platform": "linux",
    }  # fmt: skip


def graph(
    requires: Mapping[str, Iterable[str]], roots: Iterable[str], environment: Mapping[str, str]
) -> tuple[tuple[str, ...], Graph]:
    """What is asked for itself, and who needs whom.

    ``requires`` has each package's own requirements, ``roots`` the lines that were asked for.
    Extras are followed: ``uvicorn[standard]`` needs what uvicorn names for ``standard``. Lines
    that are no requirements (options, addresses) are passed over. What nobody needs counts
    as asked for: it is in the image, so somebody must have.
    """
    walk = _Walk({name: tuple(lines) for name, lines in requires.items()}, dict(environment))
    asked = walk.names(roots, frozenset())
    walk.follow()
    needed = {name for found in walk.found.values() for name in found}
    top = asked | (walk.requires.keys() - needed)
    return tuple(sorted(top)), {
        name: tuple(sorted(walk.found[name])) for name in sorted(walk.found)
    }


class _Walk:
    """Goes along requirements until no package gets one more extra."""

    def __init__(self, requires: dict[str, tuple[str, ...]], environment: dict[str, str]) -> None:
        self.requires, self.environment = requires, environment
        self.extras: dict[str, set[str]] = {name: set() for name in requires}
        self.found: dict[str, set[str]] = {}
        self._todo = set(requires)

    def follow(self) -> None:
        """Find who needs whom. Extras only grow, so it ends."""
        while self._todo:
            name = self._todo.pop()
            found = self.names(self.requires[name], frozenset(self.extras[name]))
            self.found[name] = found - {name}  # "self[all]" is a way to name one's own extras

    def names(self, lines: Iterable[str], extras: frozenset[str]) -> set[str]:
        """The packages at hand that these requirements name; their extras are noted."""
        found = set()
        for line in lines:
            requirement = _requirement(line)
            if requirement is None or not self._applies(requirement, extras):
                continue
            name = canonicalize_name(requirement.name)
            if name in self.requires:
                found.add(str(name))
                self._note(name, set(map(canonicalize_name, requirement.extras)))
        return found

    def _note(self, name: str, extras: set[str]) -> None:
        if not extras <= self.extras[name]:
            self.extras[name] |= extras
            self._todo.add(name)

    def _applies(self, requirement: Requirement, extras: frozenset[str]) -> bool:
        if requirement.marker is None:
            return True
        try:
            return any(
                requirement.marker.evaluate({**self.environment, "extra": extra})
                for extra in sorted(extras | {""})
            )
        except UndefinedEnvironmentName:
            return False


def _requirement(line: str) -> Requirement | None:
    try:
        return Requirement(line.partition(" #")[0].strip())
    except InvalidRequirement:
        return None
