"""From names of packages to a set that can be unpacked: asked, fetched, read and judged."""

from __future__ import annotations

import gzip
import lzma
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from cogsmith.errors import SystemPackageError
from cogsmith.image.debs.alternatives import choose
from cogsmith.image.debs.chosen import Chosen, Deb, Part
from cogsmith.image.debs.deb import control_files
from cogsmith.image.debs.fetch import Shelf, Wanted, read, today
from cogsmith.image.debs.index import Index, Origin, Package, installed_packages
from cogsmith.image.debs.known import KNOWN
from cogsmith.image.debs.ldcache import folders_of, libraries
from cogsmith.image.debs.objections import WHERE, Opened, inner_links, objections, overlaps
from cogsmith.image.debs.release import Release, verify
from cogsmith.image.debs.resolve import resolve
from cogsmith.image.debs.scripts import judge
from cogsmith.image.debs.settings import DebSettings
from cogsmith.image.debs.sources import DOCKER, Source, architecture_of, keys_of, sources_of
from cogsmith.image.debs.tree import Listed, listing, place, placed
from cogsmith.image.system import System

__all__ = ["decide", "wanted"]

READERS = 4  # packages that are read at once: most of it is decompression, outside of the lock


def decide(
    packages: Sequence[str],
    system: System,
    settings: DebSettings,
    tell: Callable[[int, int], None],
    pinned: Sequence[Deb] = (),
) -> Chosen:
    """Which packages are needed, and how they go into the image.

    ``pinned`` are those that a lock has for the same question: then no archive's index is read,
    and their hashes are what vouches for them. Raises SystemPackageError: archives that cannot
    be read or believed, packages that are not there, and packages whose scripts would have to be
    run; all of one kind at once.
    """
    architecture = architecture_of(system.platform)
    sources = sources_of(system, settings, architecture)
    installed = installed_packages(system.files)
    if not installed:
        raise SystemPackageError(
            "the base image does not say which packages it has (var/lib/dpkg/status)",
            where=WHERE, hint=f"take a base image of Debian or Ubuntu, or {DOCKER}",
        )  # fmt: skip
    shelf = Shelf(settings.folder)
    debs = list(pinned)
    if not debs:
        index = _index(sources, system, shelf, architecture)
        debs = [_deb(package) for package in resolve(packages, index, installed)]
    _fetch(shelf, sources, debs, tell)
    opened = _open_all(shelf, debs, system)
    return _judged(opened, system, packages)


def wanted(deb: Deb, sources: Sequence[Source]) -> Wanted:
    """Where a package is read from: its archive, or that one's mirror."""
    for source in sources:
        if source.mirror and deb.url.startswith(f"{source.url}/"):
            return Wanted(source.mirror + deb.url[len(source.url) :], deb.sha256, deb.size)
    return Wanted(deb.url, deb.sha256, deb.size)


def _deb(package: Package) -> Deb:
    return Deb(
        name=package.name, version=package.version, architecture=package.architecture,
        sha256=package.sha256, size=package.size, url=f"{package.origin.url}/{package.path}",
    )  # fmt: skip


def _index(sources: Sequence[Source], system: System, shelf: Shelf, architecture: str) -> Index:
    """What all sources offer, each vouched for by its signature and its hashes."""
    with ThreadPoolExecutor(READERS) as pool:
        releases = list(pool.map(lambda source: _release(source, system), sources))
    index = Index(architecture)
    asked: list[tuple[Source, Release, str, Wanted]] = []
    for source, release in zip(sources, releases, strict=True):
        for component in source.components or ("",):
            if name := release.packages(component, architecture):
                sha256, size = release.files[name]
                path = name
                if release.by_hash:
                    path = "/".join((*name.split("/")[:-1], "by-hash", "SHA256", sha256))
                file = Wanted(f"{source.folder}/{path}", sha256, size)
                asked.append((source, release, name, file))
    shelf.fetch([file for *_, file in asked], lambda _: None)
    for source, release, name, file in asked:
        origin = Origin(url=source.url, names=release.names, automatic=release.automatic)
        with shelf.open(file) as stream:
            index.add(_text(stream.read(), name), origin)
    return index


def _release(source: Source, system: System) -> Release:
    url = f"{source.folder}/InRelease"
    text = verify(read(url), keys_of(source, system), where=url)
    return Release.of(text, where=url, suite=source.suite, now=today())


def _text(data: bytes, name: str) -> str:
    try:
        if name.endswith(".xz"):
            data = lzma.decompress(data)
        elif name.endswith(".gz"):
            data = gzip.decompress(data)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise SystemPackageError(f"is broken: {error}", where=name) from error
    return data.decode("utf-8", "replace")


def _fetch(
    shelf: Shelf, sources: Sequence[Source], debs: Sequence[Deb], tell: Callable[[int, int], None]
) -> None:
    total, done = sum(deb.size for deb in debs), 0
    one_at_a_time = threading.Lock()

    def came(size: int) -> None:
        nonlocal done
        with one_at_a_time:
            done += size
            tell(done, total)

    shelf.fetch([wanted(deb, sources) for deb in debs], came)


def _open_all(shelf: Shelf, debs: Sequence[Deb], system: System) -> list[Opened]:
    def opened(deb: Deb) -> Opened:
        with shelf.path(deb.sha256).open("rb") as stream:
            control = control_files(stream, deb.name)
        package = Package.of(control["control"].decode("utf-8", "replace"), Origin(url=""))
        files = tuple(placed(_listed(shelf, deb), system.links))
        return Opened(deb=deb, package=package, control=control, files=files)

    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(opened, debs))


def _listed(shelf: Shelf, deb: Deb) -> Sequence[Listed]:
    """A package's files: to know them, all of it has to be decompressed, but once only."""
    name = f"{deb.sha256}.files"
    try:
        return msgspec.json.decode(shelf.note(name) or b"", type=tuple[Listed, ...])
    except msgspec.MsgspecError:
        pass
    with shelf.path(deb.sha256).open("rb") as stream:
        listed = tuple(listing(stream, deb.name))
    shelf.keep(name, msgspec.json.encode(listed))
    return listed


def _judged(opened: Sequence[Opened], system: System, asked: Sequence[str]) -> Chosen:
    programs = {path.rpartition("/")[2] for path in system.programs}
    programs |= {f.path.rpartition("/")[2] for one in opened for f in one.files if _bin(f.path)}
    verdicts = {one.deb.name: judge(one.deb.name, one.control, programs) for one in opened}
    folders = inner_links(opened)
    skips, problems = overlaps(opened)
    problems += objections(opened, verdicts, system, asked)
    if problems:
        raise SystemPackageError(problems)
    listed = [file for one in opened for file in one.files]
    made, records = choose(
        [alternative for verdict in verdicts.values() for alternative in verdict.alternatives],
        system.files, system.links, {file.path for file in listed},
    )  # fmt: skip
    return Chosen(
        parts=tuple(_part(one, skips.get(one.deb.name, ()), system) for one in opened),
        folders=tuple(sorted(folders.items())),
        links=tuple(sorted(made.items())),
        records=tuple(sorted(records.items())),
        libraries=tuple(_libraries(listed, made, system)),
        notes=tuple(
            f"{one.deb.name}: {KNOWN[one.deb.name].note}"
            for one in opened
            if one.deb.name in KNOWN and KNOWN[one.deb.name].note
        ),
    )


def _bin(path: str) -> bool:
    return path.rpartition("/")[0].rpartition("/")[2] in ("bin", "sbin")


def _part(one: Opened, skip: Sequence[str], system: System) -> Part:
    lines = one.control.get("conffiles", b"").decode("utf-8", "replace").split("\n")
    named = [place(line.split()[-1], system.links) for line in lines if line.strip()]
    sums = {file.path: file.md5 for file in one.files if file.md5}
    return Part(
        deb=one.deb,
        skip=tuple(skip),
        conffiles=tuple((path, sums[path]) for path in named if path in sums),
    )


def _libraries(
    listed: Sequence[Listed], made: Mapping[str, str], system: System
) -> list[tuple[str, str]]:
    links = [Listed(path=path, kind="symlink", target=target) for path, target in made.items()]
    conf = {f.path for f in listed if f.path.startswith("etc/ld.so.conf.d/")}
    folders = folders_of(system.files, architecture_of(system.platform))
    if conf:  # what they say is not kept in a listing: their own folders' names do
        folders |= {f.path.rpartition("/")[0] for f in listed if "/lib/" in f"/{f.path}" and f.elf}
    folders = {place(folder, system.links, follow=True) for folder in folders}
    return libraries([*listed, *links], folders)
