"""Which packages are needed: what was asked for, and what that depends on.

As ``apt-get install --no-install-recommends`` decides, and without going back on a choice: the
first alternative that can be had is taken. What cannot be is said, all at once.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from cogsmith.errors import Problem, SystemPackageError
from cogsmith.image.debs.control import Relation
from cogsmith.image.debs.index import Index, Package

__all__ = ["resolve"]

# apt-get(8): name, name:architecture, name=version, name/suite.
_WORD = re.compile(r"(?P<name>[^:=/\s]+)(?::(?P<arch>[^=/\s]+))?(?P<how>[=/])?(?P<rest>\S+)?")


def resolve(
    wanted: Collection[str], index: Index, installed: Mapping[str, Package]
) -> tuple[Package, ...]:
    """The packages to add, or to put in the place of older ones, sorted by name.

    Raises SystemPackageError with every name that is unknown, every dependency that cannot be
    met, and every package of the base that would have to go.
    """
    state = _State(index, dict(installed))
    for word in sorted(set(wanted)):
        state.ask(word)
    if not state.problems:
        state.close()
    if not state.problems:
        state.check()
    if state.problems:
        raise SystemPackageError(dict.fromkeys(state.problems))
    return tuple(state.chosen[name] for name in sorted(state.chosen))


@dataclass(slots=True)
class _State:
    index: Index
    installed: dict[str, Package]
    chosen: dict[str, Package] = field(default_factory=dict)
    waiting: deque[Package] = field(default_factory=deque)
    problems: list[Problem] = field(default_factory=list)

    def ask(self, word: str) -> None:
        """Take a package that a person named."""
        match = _WORD.fullmatch(word)
        if match is None or bool(match["how"]) != bool(match["rest"]):
            self.problems.append(Problem(f"{word!r} is no package", hint="name, or name=version"))
            return
        if match["arch"] not in (None, "all", "any", self.index.architecture):
            self.problems.append(
                Problem(f"{word}: only packages for {self.index.architecture} can be added")
            )
            return
        found = self._named(match["name"], match["how"] or "", match["rest"] or "")
        if found is None:
            self.problems.append(self._unknown(word, match["name"]))
            return
        present = self.installed.get(found.name)
        if present is None or present.version != found.version:
            if present and not match["how"]:
                return  # the base has it: nobody asked for another version
            self._choose(found)

    def _named(self, name: str, how: str, rest: str) -> Package | None:
        versions = self.index.versions(name)
        if how == "=":
            return next((p for p in versions if p.version == rest), None)
        if how == "/":
            return next((p for p in versions if rest in p.origin.names), None)
        found = self.index.candidate(name) or self.installed.get(name)
        if found is None:
            providers = self.index.providers(Relation(name))
            found = providers[0] if len(providers) == 1 else None
        return found

    def _unknown(self, word: str, name: str) -> Problem:
        if versions := self.index.versions(name):
            have = ", ".join(dict.fromkeys(p.version for p in versions))
            return Problem(f"{word}: there is no such version of {name}", hint=f"there is {have}")
        if providers := self.index.providers(Relation(name)):
            names = ", ".join(p.name for p in providers[:5])
            return Problem(f"{name} is a virtual package", hint=f"choose one of: {names}")
        near = self.index.near(name)
        hint = f"did you mean {', '.join(near)}?" if near else "the base image's archives lack it"
        return Problem(f"there is no package {name}", hint=hint)

    def _choose(self, package: Package) -> None:
        self.chosen[package.name] = package
        self.waiting.append(package)

    def present(self) -> dict[str, Package]:
        """What will be there."""
        return {**self.installed, **self.chosen}

    def close(self) -> None:
        """Follow dependencies to their end."""
        while self.waiting:
            package = self.waiting.popleft()
            for group in package.depends:
                if not self._met(group) and not self._meet(group):
                    words = " | ".join(map(str, group))
                    self.problems.append(
                        Problem(f"{package} depends on {words}, which cannot be had")
                    )
            self._follow(package)

    def _follow(self, package: Package) -> None:
        """Upgrade what the base has and what only fits the version that goes."""
        if package.name not in self.installed:
            return
        for other in list(self.installed.values()):
            if other.name in self.chosen:
                continue
            if any(_names(g, package.name) and not self._met(g) for g in other.depends):
                newer = self.index.candidate(other.name)
                if newer and newer.version != other.version:
                    self._choose(newer)

    def _met(self, group: tuple[Relation, ...]) -> bool:
        return any(self._meets(relation) for relation in group)

    def _meets(self, relation: Relation) -> bool:
        if not self._native(relation):
            return False
        found = self.chosen.get(relation.name) or self.installed.get(relation.name)
        if found is not None and relation.fits(found.version):
            return True
        return any(_provides(package, relation) for package in self._providing(relation.name))

    def _providing(self, name: str) -> list[Package]:
        everybody = self.present().values()
        return [p for p in everybody if any(one.name == name for one in p.provides)]

    def _native(self, relation: Relation) -> bool:
        return relation.arch in ("", "any", "all", self.index.architecture)

    def _meet(self, group: tuple[Relation, ...]) -> bool:
        """Choose the first alternative that can be had and hurts nobody."""
        options = [one for relation in group for one in self._options(relation)]
        for option in options:
            if not self._hurts(option):
                self._choose(option)
                return True
        if options:  # each conflicts with something: check() will say with what
            self._choose(options[0])
        return bool(options)

    def _options(self, relation: Relation) -> list[Package]:
        if not self._native(relation):
            return []
        named = [
            package
            for package in self.index.versions(relation.name)
            if relation.fits(package.version) and package.origin.automatic
        ]
        fresh = [p for p in named[:1] if p.name not in self.chosen]
        return fresh + [p for p in self.index.providers(relation) if p.name not in self.chosen]

    def _hurts(self, package: Package) -> bool:
        return any(True for _ in self._conflicts(package))

    def _conflicts(self, package: Package) -> list[tuple[Package, Package, Relation]]:
        """Who cannot be beside whom, and by which word."""
        found = []
        for other in self.present().values():
            if other.name == package.name:
                continue
            for one, two in ((package, other), (other, package)):
                found += [
                    (one, two, relation)
                    for group in one.conflicts
                    for relation in group
                    if self._native(relation) and _is(two, relation)
                ]
        return found

    def check(self) -> None:
        """Say what does not hold among all that will be there."""
        for package in self.chosen.values():
            for one, two, relation in self._conflicts(package):
                self.problems.append(
                    Problem(f"{one} and {two} cannot be together: {one.name} refuses {relation}")
                )
        touched = {name for name in self.chosen if name in self.installed}
        for package in self.present().values():
            if package.name not in self.chosen and not touched:
                continue
            for group in package.depends:
                ours = package.name in self.chosen or any(r.name in touched for r in group)
                if ours and not self._met(group):
                    words = " | ".join(map(str, group))
                    self.problems.append(Problem(f"{package} would lack {words}"))


def _names(group: tuple[Relation, ...], name: str) -> bool:
    return any(relation.name == name for relation in group)


def _provides(package: Package, relation: Relation) -> bool:
    return any(
        one.name == relation.name and relation.fits_provided(one) for one in package.provides
    )


def _is(package: Package, relation: Relation) -> bool:
    if package.name == relation.name:
        return relation.fits(package.version)
    return _provides(package, relation)
