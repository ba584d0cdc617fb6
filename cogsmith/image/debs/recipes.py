"""Layers of Debian packages: which go together, and what else they bring."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Literal

from cogsmith.errors import SystemPackageError
from cogsmith.image.debs.chosen import Chosen, Deb, Part, Pins
from cogsmith.image.debs.deb import control_files
from cogsmith.image.debs.decide import decide, wanted
from cogsmith.image.debs.fetch import Shelf, Wanted, spool
from cogsmith.image.debs.known import KNOWN
from cogsmith.image.debs.ldcache import with_libraries
from cogsmith.image.debs.settings import DebSettings
from cogsmith.image.debs.sources import architecture_of, release_of, sources_of
from cogsmith.image.debs.status import STATUS, info_files, merged, status_file
from cogsmith.image.debs.tree import entries
from cogsmith.image.progress import LayerProgress, Tell
from cogsmith.image.recipe import Pack, Recipe, Write, key_of
from cogsmith.image.system import System
from cogsmith.oci import Descriptor, Digest, Directory, Entry, File, Symlink, pack, recipe, tar
from cogsmith.values import dataclass

__all__ = ["Debs", "deb_recipes"]

# What the layers' bytes depend on beside their input: raise it with every change to them.
VERSION = "debs-1"

MIB = 1 << 20
# A package so large has its own layer, at most LARGE_ONES of them; the rest is one layer, or,
# where it is much, as many as BUCKETS by the hash of their names: a new version of one package,
# or one more package, then changes one of them. facts/builders.md, section 2: 50 ms a layer.
LARGE = 24 * MIB
LARGE_ONES = 4
MUCH = 32 * MIB
BUCKETS = 4

_CACHE = "etc/ld.so.cache"
_BUNDLE = "etc/ssl/certs/ca-certificates.crt"
_CERTIFICATES = "usr/share/ca-certificates/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Debs:
    """The layers, all packages that they bring, notes, and what a lock should pin."""

    recipes: tuple[Recipe, ...]
    installed: tuple[Deb, ...]
    notes: tuple[str, ...] = ()
    pins: Pins | None = None


def deb_recipes(
    packages: tuple[str, ...],
    system: System,
    settings: DebSettings,
    tell: Tell,
    pinned: Pins | None = None,
) -> Debs:
    """Layers with these packages of the base image's own release, and what they depend on.

    The same names on the same base are asked for once: later builds take the same packages,
    until ``settings.refresh``; those of a lock (``pinned``) come before what this machine
    remembers. Raises SystemPackageError for what cannot be had, believed, or
    unpacked without running its scripts.
    """
    if not packages:
        return Debs(recipes=(), installed=())
    release_of(system)
    names = tuple(sorted(set(packages)))
    shelf = Shelf(settings.folder)
    base = str(system.digest)
    fits = pinned is not None and (pinned.base, pinned.asked) == (base, names)
    exact = pinned.packages if pinned and fits and not settings.refresh else ()
    note = f"set-{key_of(VERSION, names, base, [deb.sha256 for deb in exact])}.json"
    kept = None if settings.refresh else shelf.note(note)
    chosen = Chosen.parse(kept) if kept else None
    if chosen is None:
        chosen = decide(names, system, settings, _teller(tell), exact)
        shelf.keep(note, chosen.render())
    workshop = _Workshop(chosen, system, settings, shelf)
    installed = tuple(part.deb for part in chosen.parts)
    return Debs(
        recipes=workshop.recipes(names),
        installed=installed,
        notes=chosen.notes,
        pins=Pins(base=base, asked=names, packages=installed),
    )


def _teller(tell: Tell) -> Callable[[int, int], None]:
    def told(done: int, total: int) -> None:
        made: Literal["made", "making"] = "made" if done >= total else "making"
        tell(LayerProgress(title="system packages", state=made, done=done, total=total))

    return told


@dataclass(frozen=True, slots=True)
class _Workshop:
    """Makes the layers of one set."""

    chosen: Chosen
    system: System
    settings: DebSettings
    shelf: Shelf

    def recipes(self, names: Sequence[str]) -> tuple[Recipe, ...]:
        """Recipes of the packages' layers, and last of what all of them together change."""
        if not self.chosen.parts:
            return ()
        groups = [self._of_group(group, names) for group in _groups(self.chosen.parts)]
        return (*groups, self._of_all()) if self._has_dpkg else tuple(groups)

    @property
    def _has_dpkg(self) -> bool:
        return STATUS in self.system.files

    def _key(self, *parts: object) -> str:
        return key_of(VERSION, recipe("gzip"), str(self.system.digest), *parts)

    def _of_group(self, group: Sequence[Part], names: Sequence[str]) -> Recipe:
        words = [[part.deb.sha256, *part.skip] for part in group]
        asked = [part.deb.name for part in group if part.deb.name in names]
        title = ", ".join((asked or [group[0].deb.name])[:3])
        if len(group) == 1:
            title = f"{group[0].deb.name} {group[0].deb.version}"
        elif len(group) > len(asked[:3] or [0]):
            title += f" and {len(group) - len(asked[:3] or [0])} more"
        return Recipe(
            key=self._key("group", words, self.chosen.folders), kind="system", title=title,
            created_by=f"cogsmith: {len(group)} Debian packages: "
            + " ".join(f"{part.deb.name}={part.deb.version}" for part in group)[:2000],
            size=sum(part.deb.size for part in group), pack=self._packer(group),
        )  # fmt: skip

    def _of_all(self) -> Recipe:
        words = [part.deb.sha256 for part in self.chosen.parts]
        digest = hashlib.sha256(self.chosen.render()).hexdigest()

        def made(write: Write) -> tuple[Descriptor, Digest]:
            layer = tar(self._database(), lower=self.system.folders)
            return pack(layer, "gzip", write=write)

        return Recipe(
            key=self._key("database", words, digest), kind="system",
            title="Debian's database", created_by="cogsmith: dpkg's status, alternatives",
            size=len(self.system.files[STATUS]), pack=made,
        )  # fmt: skip

    def _packer(self, group: Sequence[Part]) -> Pack:
        def made(write: Write) -> tuple[Descriptor, Digest]:
            with spool() as room:
                found: dict[str, Entry] = {}
                for part in group:
                    for entry in self._unpacked(part, room):
                        # Packages share folders; the first one's mode counts.
                        if not (isinstance(entry, Directory) and entry.path in found):
                            found[entry.path] = entry
                layer = tar(found.values(), lower=self.system.folders)
                return pack(layer, "gzip", write=write)

        return made

    def _control(self, deb: Deb) -> dict[str, bytes]:
        with self.shelf.open(self._wanted(deb)) as stream:
            return control_files(stream, deb.name)

    def _wanted(self, deb: Deb) -> Wanted:
        architecture = architecture_of(self.system.platform)
        return wanted(deb, sources_of(self.system, self.settings, architecture))

    def _unpacked(self, part: Part, room: IO[bytes]) -> Iterator[Entry]:
        links = {**self.system.links, **dict(self.chosen.folders)}
        with self.shelf.open(self._wanted(part.deb)) as stream:
            found, names = entries(stream, part.deb.name, room, links, self.system.folders)
        skip = set(part.skip)
        yield from (entry for entry in found if entry.path not in skip)
        control = self._control(part.deb)
        yield from info_files(control, names) if self._has_dpkg else status_file(control)
        yield from _in_their_place(part.deb.name, found)

    def _database(self) -> Iterator[Entry]:
        new = {
            part.deb.name: (self._control(part.deb)["control"].decode(), part.conffiles)
            for part in self.chosen.parts
        }
        status = merged(self.system.files[STATUS].decode("utf-8", "replace"), new)
        yield File.of(STATUS, status.encode())
        yield from (Symlink(path=path, target=target) for path, target in self.chosen.links)
        yield from (File.of(path, text.encode()) for path, text in self.chosen.records)
        architecture = architecture_of(self.system.platform)
        old = self.system.files.get(_CACHE, b"")
        if cache := with_libraries(old, self.chosen.libraries, architecture):
            yield File.of(_CACHE, cache)


def _groups(parts: Sequence[Part]) -> list[list[Part]]:
    """The packages of each layer: the large ones apart, the others together or in buckets."""
    by_size = sorted(parts, key=lambda part: (-part.deb.size, part.deb.name))
    large = [part for part in by_size[:LARGE_ONES] if part.deb.size >= LARGE]
    rest = [part for part in parts if part not in large]
    count = BUCKETS if sum(part.deb.size for part in rest) >= MUCH else 1
    buckets: list[list[Part]] = [[] for _ in range(count)]
    for part in rest:
        buckets[int(hashlib.sha256(part.deb.name.encode()).hexdigest()[:8], 16) % count].append(
            part
        )
    return [*([part] for part in sorted(large, key=lambda p: p.deb.name)), *filter(None, buckets)]


def _in_their_place(name: str, found: Sequence[Entry]) -> Iterator[Entry]:
    """What a package's own script would have made."""
    known = KNOWN.get(name)
    if known is None:
        return
    present = {entry.path for entry in found}
    for path, target in known.links:
        if target.lstrip("/") in present and path not in present:
            yield Symlink(path=path, target=target)
    yield from (File.of(path, text.encode()) for path, text in known.files)
    if known.certificates:
        yield from _certificates(found)


def _certificates(found: Sequence[Entry]) -> Iterator[Entry]:
    """As update-ca-certificates(8): all certificates in one file, and one link for each."""
    bundle, names = bytearray(), []
    for entry in sorted(found, key=lambda entry: entry.path):
        if isinstance(entry, File) and entry.path.startswith(_CERTIFICATES):
            with entry.open() as stream:
                bundle += stream.read().rstrip(b"\n") + b"\n"
            name = entry.path.removeprefix(_CERTIFICATES)
            names.append(name)
            link = f"etc/ssl/certs/{name.rpartition('/')[2].removesuffix('.crt')}.pem"
            yield Symlink(path=link, target=f"/{entry.path}")
    if not names:
        raise SystemPackageError("has no certificates", where="ca-certificates")
    yield File.of(_BUNDLE, bytes(bundle))
    yield File.of("etc/ca-certificates.conf", "".join(f"{name}\n" for name in names).encode())
