"""What archives offer: packages by name, and by what they provide."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from cogsmith.image.debs.control import Relation, fields, relations, stanzas
from cogsmith.image.debs.version import Version
from cogsmith.values import dataclass

__all__ = ["Index", "Origin", "Package", "installed_packages"]

Groups = tuple[tuple[Relation, ...], ...]
_NAME = re.compile(r"^Package:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)
_PROVIDES = re.compile(r"^Provides:[ \t]*(.+)", re.MULTILINE | re.IGNORECASE)
_PRIORITIES = ("required", "important", "standard", "optional", "extra")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where packages come from: the archive's root, and what its Release says of itself.

    ``automatic`` is False for suites that apt takes nothing from unless told (backports).
    """

    url: str
    names: frozenset[str] = frozenset()
    automatic: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package as an index, or dpkg's status, tells of it."""

    name: str
    version: str
    architecture: str
    depends: Groups = ()
    conflicts: Groups = ()
    provides: tuple[Relation, ...] = ()
    replaces: Groups = ()
    priority: int = 9
    path: str = ""
    sha256: str = ""
    size: int = 0
    origin: Origin = field(default_factory=lambda: Origin(url=""))

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @classmethod
    def of(cls, stanza: str, origin: Origin) -> Package:
        """Read a stanza."""
        told = fields(stanza)
        size = told.get("size", "")
        level = told.get("priority", "")
        return cls(
            name=told["package"],
            version=told.get("version", ""),
            architecture=told.get("architecture", ""),
            depends=relations(f"{told.get('pre-depends', '')},{told.get('depends', '')}"),
            conflicts=relations(f"{told.get('conflicts', '')},{told.get('breaks', '')}"),
            provides=tuple(one for group in relations(told.get("provides", "")) for one in group),
            replaces=relations(told.get("replaces", "")),
            priority=_PRIORITIES.index(level) if level in _PRIORITIES else 9,
            path=told.get("filename", ""),
            sha256=told.get("sha256", "").lower(),
            size=int(size) if size.isdecimal() else 0,
            origin=origin,
        )


class Index:
    """The packages of several archives for one architecture; a stanza is read when asked for."""

    def __init__(self, architecture: str) -> None:
        """Begin with nothing."""
        self.architecture = architecture
        self._texts: dict[str, list[tuple[str, Origin]]] = {}
        self._providers: dict[str, set[str]] = {}
        self._read: dict[str, tuple[Package, ...]] = {}

    def add(self, text: str, origin: Origin) -> None:
        """Take the stanzas of a ``Packages`` file."""
        for stanza in text.split("\n\n"):
            found = _NAME.search(stanza)
            if not found:
                continue
            self._texts.setdefault(found[1], []).append((stanza, origin))
            if provided := _PROVIDES.search(stanza):
                for group in relations(provided[1]):
                    self._providers.setdefault(group[0].name, set()).add(found[1])

    def versions(self, name: str) -> tuple[Package, ...]:
        """The packages of that name that fit the architecture, newest first."""
        if name not in self._read:
            found = (Package.of(stanza, origin) for stanza, origin in self._texts.get(name, ()))
            fitting = [p for p in found if p.architecture in (self.architecture, "all")]
            fitting.sort(key=lambda p: Version(p.version), reverse=True)
            self._read[name] = tuple(fitting)
        return self._read[name]

    def candidate(self, name: str) -> Package | None:
        """The version that apt takes by itself: the newest of suites that are automatic."""
        return next((p for p in self.versions(name) if p.origin.automatic), None)

    def providers(self, wanted: Relation) -> tuple[Package, ...]:
        """The candidates that provide it by another name: by priority, then by name."""
        found = []
        for name in self._providers.get(wanted.name, ()):
            package = self.candidate(name)
            if package and any(
                one.name == wanted.name and wanted.fits_provided(one) for one in package.provides
            ):
                found.append(package)
        return tuple(sorted(found, key=lambda p: (p.priority, p.name)))

    def near(self, name: str) -> list[str]:
        """Names that a person may have meant."""
        plain = re.sub(r"[\d.+-]+$", "", name)
        same = [
            other for other in self._texts if plain and re.sub(r"[\d.+-]+$", "", other) == plain
        ]
        return sorted(same)[:3] or difflib.get_close_matches(name, self._texts, 3, 0.8)


def installed_packages(files: Mapping[str, bytes]) -> dict[str, Package]:
    """What a base image has, by dpkg's status, or the files of distroless images."""
    found: dict[str, Package] = {}
    for stanza in _installed_stanzas(files):
        if "package" in fields(stanza):
            package = Package.of(stanza, Origin(url=""))
            found.setdefault(package.name, package)
    return found


def _installed_stanzas(files: Mapping[str, bytes]) -> Iterator[str]:
    for path in sorted(files):
        if path == "var/lib/dpkg/status":
            yield from _whole(stanzas(files[path].decode("utf-8", "replace")))
        elif path.startswith("var/lib/dpkg/status.d/") and not path.endswith(".md5sums"):
            yield from stanzas(files[path].decode("utf-8", "replace"))


def _whole(all_of_them: Iterable[str]) -> Iterator[str]:
    for stanza in all_of_them:
        if fields(stanza).get("status", "").endswith(" ok installed"):
            yield stanza
