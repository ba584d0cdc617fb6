"""What speaks against a set of packages: scripts, watchers, files of others, older versions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from cogsmith.errors import Problem
from cogsmith.image.debs.chosen import Deb
from cogsmith.image.debs.index import Package, installed_packages
from cogsmith.image.debs.known import NEEDED, WATCHERS
from cogsmith.image.debs.scripts import Judgement
from cogsmith.image.debs.sources import DOCKER
from cogsmith.image.debs.tree import Listed, needless, place
from cogsmith.image.system import System
from cogsmith.values import dataclass

__all__ = ["WHERE", "Opened", "inner_links", "objections", "overlaps"]

WHERE = "build.system_packages"
_WATCHES = re.compile(r"^\s*interest(?:-noawait|-await)?\s+/(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A package that was read."""

    deb: Deb
    package: Package
    control: Mapping[str, bytes]
    files: tuple[Listed, ...]


def objections(
    opened: Sequence[Opened], verdicts: Mapping[str, Judgement], system: System,
    asked: Sequence[str],
) -> list[Problem]:  # fmt: skip
    """Why these packages cannot be unpacked onto this base, all of it."""
    return [
        *_matters(verdicts, opened, asked),
        *_watched(opened, system),
        *_upgrades(opened, system, installed_packages(system.files)),
    ]


def _matters(
    verdicts: Mapping[str, Judgement], opened: Sequence[Opened], asked: Sequence[str]
) -> list[Problem]:
    problems = []
    reasons = _reasons(opened, asked)
    for name, verdict in sorted(verdicts.items()):
        if verdict.matters:
            line = " ".join(verdict.matters[0].split())
            line = line if len(line) <= 100 else f"{line[:100]}..."
            more = len(verdict.matters) - 1
            rest = f" (and {more} more)" if more else ""
            by = reasons.get(name, name)
            needed = f" (needed by {by})" if by != name else ""
            message = f"{name}{needed} runs a script when it is installed, which matters: "
            problems.append(Problem(f"{message}{line}{rest}", WHERE, DOCKER))
    return problems


def _reasons(opened: Sequence[Opened], asked: Sequence[str]) -> dict[str, str]:
    """Which of the names that were asked for needs a package."""
    needs: dict[str, set[str]] = {}
    bringers: dict[str, set[str]] = {}
    for one in opened:
        needs[one.deb.name] = {r.name for group in one.package.depends for r in group}
        for name in (one.deb.name, *(relation.name for relation in one.package.provides)):
            bringers.setdefault(name, set()).add(one.deb.name)
    reasons: dict[str, str] = {}
    for word in asked:
        waiting = {re.split(r"[:=/]", word)[0]}
        while waiting:
            found = {name for want in waiting for name in bringers.get(want, ())}
            fresh = found - reasons.keys()
            reasons.update(dict.fromkeys(fresh, word))
            waiting = {want for name in fresh for want in needs[name]}
    return reasons


def _watched(opened: Sequence[Opened], system: System) -> Iterator[Problem]:
    """Files that make another package's script run, where we do not know that it is idle."""
    watched = {}
    for line in system.files.get("var/lib/dpkg/triggers/File", b"").decode().splitlines():
        path, _, name = line.strip().partition(" ")
        watched[place(path, system.links, follow=True)] = name.partition("/")[0]
    for one in opened:
        for path in _WATCHES.findall(one.control.get("triggers", b"").decode("utf-8", "replace")):
            watched[place(path, system.links, follow=True)] = one.deb.name
    for folder, watcher in sorted(watched.items()):
        for one in opened:
            for file in one.files:
                inside = file.kind != "directory" and f"{file.path}/".startswith(f"{folder}/")
                if inside and (watcher not in WATCHERS or NEEDED.fullmatch(file.path)):
                    message = f"{one.deb.name} has {file.path}, of which {watcher} must be told"
                    yield Problem(message, WHERE, DOCKER)
                    break


def inner_links(opened: Sequence[Opened]) -> dict[str, str]:
    """Links of one package through which files of others go."""
    links = {f.path: f.target for one in opened for f in one.files if f.kind == "symlink"}
    used = {}
    for one in opened:
        for file in one.files:
            parts = file.path.split("/")
            ends = range(1, len(parts) + (file.kind == "directory"))
            for above in ("/".join(parts[:end]) for end in ends):
                if above in links:
                    used[above] = links[above]
    return used


def overlaps(opened: Sequence[Opened]) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """Paths that two packages have: the one that replaces the other keeps it."""
    owners: dict[str, tuple[Opened, Listed]] = {}
    skips: dict[str, list[str]] = {}
    problems = []
    for one in opened:
        for file in one.files:
            if file.kind == "directory":
                continue
            other, theirs = owners.setdefault(file.path, (one, file))
            if other is one:
                continue
            if _replaces(one, other):
                skips.setdefault(other.deb.name, []).append(file.path)
                owners[file.path] = one, file
            elif _replaces(other, one) or (file.kind == "symlink" and file == theirs):
                skips.setdefault(one.deb.name, []).append(file.path)
            else:
                message = f"{other.deb.name} and {one.deb.name} both have {file.path}"
                problems.append(Problem(message, WHERE, DOCKER))
    return {name: tuple(sorted(paths)) for name, paths in skips.items()}, problems


def _replaces(one: Opened, other: Opened) -> bool:
    return any(
        relation.name == other.deb.name and relation.fits(other.deb.version)
        for group in one.package.replaces
        for relation in group
    )


def _upgrades(
    opened: Sequence[Opened], system: System, installed: Mapping[str, Package]
) -> Iterator[Problem]:
    """A newer version goes above the older one's files: none of those may be left over."""
    for one in opened:
        if one.deb.name not in installed:
            continue
        old = installed[one.deb.name]
        name = f"{old.name} {old.version}"
        listed = _old_files(old, system)
        if listed is None:
            message = f"the base image does not say which files {name} has, and {one.deb.version}"
            yield Problem(f"{message} is needed", WHERE, f"take a newer base image, or {DOCKER}")
            continue
        gone = listed - {file.path for file in one.files} - system.folders
        if gone:
            message = f"the base image has {name}; {one.deb.version}, which is needed, has no "
            message += f"{min(gone)}, and layers cannot take it away"
            yield Problem(message, WHERE, f"take a newer base image, or {DOCKER}")


def _old_files(old: Package, system: System) -> set[str] | None:
    for name in (old.name, f"{old.name}:{old.architecture}"):
        listed = system.files.get(f"var/lib/dpkg/info/{name}.list")
        if listed is not None:
            lines = listed.decode("utf-8", "replace").split("\n")
            paths = {place(line, system.links) for line in lines if line.strip("/.")}
            return {path for path in paths if not needless(path, "symlink")}
    return None
