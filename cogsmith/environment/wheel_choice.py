"""Which file of a locked package an image takes: the wheel that fits its target best. Pure.

The target counts, never this machine: markers are read for the target's Python and platform,
and wheels are ranked by the tags that an interpreter there would accept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from packaging.markers import InvalidMarker, Marker, UndefinedEnvironmentName
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from cogsmith.environment.lock import Lock
from cogsmith.environment.target import Target
from cogsmith.errors import InstallError, Problem
from cogsmith.values import dataclass

__all__ = ["Choice", "SourceKind", "choose", "file_name", "fits", "marker_environment", "tags_of"]

SourceKind = Literal["wheel", "sdist", "archive", "directory", "vcs"]

# glibc that our images have at least, as uv's platform for them says; the oldest that a wheel
# of that architecture can name (PEP 600), and the names from before PEP 600.
NEWEST_GLIBC = 28
OLDEST_GLIBC = {"x86_64": 5, "aarch64": 17}
LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
SOURCES: tuple[SourceKind, ...] = ("sdist", "archive", "directory", "vcs")
OTHER_VERSION = (
    "choose a version that has a wheel for this target, another build.python_version, or another "
    "--platform"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What an image takes of one package: a wheel, or a source that a wheel is built from.

    ``entry`` is the lock's own table of that file, folder or repository. ``direct``: the
    package was asked for by this very address, not by its name (PEP 610).
    """

    name: str
    version: str
    kind: SourceKind
    entry: Mapping[str, Any] = field(hash=False)
    direct: bool = False

    def __str__(self) -> str:
        return f"{self.name} {self.version}".rstrip()


def choose(lock: Lock, target: Target) -> tuple[Choice, ...]:
    """One choice for each package that the target's markers select, sorted by name.

    The order of packages and of their wheels plays no part. Raises InstallError with every
    package that cannot be had.
    """
    document, problems, chosen = lock.document, list[Problem](), list[Choice]()
    problems += _old_python(document.get("requires-python"), "this lock", target)
    environment = marker_environment(lock, target)
    for package in document["packages"]:
        if _selected(package, environment):
            problems += _old_python(package.get("requires-python"), package["name"], target)
            found = _choice(package, target)
            if isinstance(found, Choice):
                chosen.append(found)
            else:
                problems.append(found)
    problems += _twice(chosen)
    if problems:
        raise InstallError(sorted(set(problems), key=str))
    return tuple(sorted(chosen, key=lambda choice: choice.name))


def marker_environment(lock: Lock, target: Target) -> dict[str, Any]:
    """The values of markers on the target (PEP 508), for what a lock installs by itself.

    A minor version's first patch is what uv resolves for, so that is what markers see.
    """
    machine = target.platform.partition("-")[2]
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{target.python}.0",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{target.python}.0",
        "python_version": target.python,
        "sys_platform": "linux",
        "extras": frozenset[str](),
        "dependency_groups": frozenset(lock.document.get("default-groups", ())),
    }


def _selected(package: Mapping[str, Any], environment: Mapping[str, Any]) -> bool:
    if "marker" not in package:
        return True
    try:
        return Marker(package["marker"]).evaluate(dict(environment), context="lock_file")
    except (InvalidMarker, UndefinedEnvironmentName) as error:
        raise InstallError(f"{package['name']}: its marker cannot be read: {error}") from error


def _old_python(wanted: str | None, what: str, target: Target) -> list[Problem]:
    """Whether some patch of the target's Python is within what is required."""
    if not wanted:
        return []
    try:
        versions = SpecifierSet(wanted)
    except InvalidSpecifier:
        return [Problem(f"{what}: requires-python {wanted!r} cannot be read")]
    patches = (f"{target.python}.{patch}" for patch in range(100))
    if any(map(versions.contains, patches)):
        return []
    hint = f"choose a build.python_version within {wanted}, or another version of the package"
    return [Problem(f"{what} asks for Python {wanted}; the image has {target.python}", hint=hint)]


def _choice(package: Mapping[str, Any], target: Target) -> Choice | Problem:
    name, version = canonicalize_name(package["name"]), str(package.get("version", ""))
    best = _best(package.get("wheels", ()), target)
    if best is not None:
        return Choice(name=name, version=version, kind="wheel", entry=best)
    for kind in SOURCES:
        if kind in package:
            choice = Choice(name=name, version=version, kind=kind, entry=package[kind])
            return _source(choice, target)
    return _nothing_fits(f"{name} {version}".rstrip(), package.get("wheels", ()), target)


def _source(choice: Choice, target: Target) -> Choice | Problem:
    """A source to build; an archive that is a wheel already needs no build, but it must fit."""
    direct = choice.kind != "sdist"
    if choice.kind != "archive" or not file_name(choice.entry).endswith(".whl"):
        return Choice(
            name=choice.name, version=choice.version, kind=choice.kind, entry=choice.entry,
            direct=direct,
        )  # fmt: skip
    name = file_name(choice.entry)
    if fits(name, target) is None:
        return _nothing_fits(str(choice), [choice.entry], target)
    version = choice.version or str(parse_wheel_filename(name)[1])
    return Choice(name=choice.name, version=version, kind="wheel", entry=choice.entry, direct=True)


def _best(wheels: Iterable[Mapping[str, Any]], target: Target) -> Mapping[str, Any] | None:
    """The wheel with the best tag; among equals the highest build number, then by its name."""
    ranked = []
    for wheel in wheels:
        name = file_name(wheel)
        rank = fits(name, target)
        if rank is not None:
            build = parse_wheel_filename(name)[2] or (0, "")
            ranked.append(((rank, -build[0], build[1], name, _hashes(wheel)), wheel))
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None


def _hashes(entry: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(entry.get("hashes", {}).items()))


def fits(filename: str, target: Target) -> int | None:
    """How well a wheel fits a target: 0 is best; None: not at all, or no name of a wheel.

    >>> target = Target(python="3.11", platform="linux-aarch64", accelerator="cpu")
    >>> fits("six-1.17.0-cp311-cp311-manylinux_2_17_x86_64.whl", target) is None
    True
    """
    try:
        tags = parse_wheel_filename(filename)[3]
    except InvalidWheelFilename:
        return None
    ranks = tags_of(target.python, target.platform)
    return min((ranks[tag] for tag in tags if tag in ranks), default=None)


@lru_cache(maxsize=8)
def tags_of(python: str, platform: str) -> Mapping[Tag, int]:
    """The tags that a target accepts, each with its rank, as pip on such a machine has them."""
    major, _, minor = python.partition(".")
    version, platforms = (int(major), int(minor)), _platforms(platform)
    interpreter = f"cp{major}{minor}"
    tags = [
        *cpython_tags(version, abis=[interpreter], platforms=platforms),
        *compatible_tags(version, interpreter, platforms),
    ]
    return {tag: rank for rank, tag in reversed(list(enumerate(tags)))}


def _platforms(platform: str) -> list[str]:
    """From the newest glibc to the oldest, then what was built for one machine alone."""
    system, _, machine = platform.partition("-")
    if system != "linux" or machine not in OLDEST_GLIBC:
        raise InstallError(f"images are not made for {platform}")
    found = []
    for glibc in range(NEWEST_GLIBC, OLDEST_GLIBC[machine] - 1, -1):
        found.append(f"manylinux_2_{glibc}_{machine}")
        if glibc in LEGACY:
            found.append(f"{LEGACY[glibc]}_{machine}")
    return [*found, f"linux_{machine}"]


def file_name(entry: Mapping[str, Any]) -> str:
    """The name of a lock's file: stated, or the end of its path or URL (PEP 751)."""
    if name := entry.get("name"):
        return str(name)
    if path := entry.get("path"):
        return PurePosixPath(str(path)).name
    return PurePosixPath(unquote(urlsplit(str(entry.get("url", ""))).path)).name


def _nothing_fits(what: str, wheels: Iterable[Mapping[str, Any]], target: Target) -> Problem:
    names = sorted(map(file_name, wheels))
    listed = f" (the lock has {', '.join(names[:4])}{', …' if names[4:] else ''})" if names else ""
    message = f"{what} has no wheel for {target} and no source to build one from{listed}"
    return Problem(message, hint=OTHER_VERSION)


def _twice(chosen: Iterable[Choice]) -> list[Problem]:
    counts = Counter(choice.name for choice in chosen)
    return [
        Problem(f"{name} is in the lock {count} times for this target", hint="make the lock anew")
        for name, count in counts.items()
        if count > 1
    ]
