"""How far requirements have moved away from the lock that once answered them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import zip_longest

from cogsmith.environment.lock import Answers, Lock
from cogsmith.environment.requirements import name_of
from cogsmith.environment.target import Target
from cogsmith.values import dataclass

__all__ = ["Drift", "drift"]

SECTIONS = ("constraint ", "override ")
BUILDS = {"cpu": "CPU builds", "cuda": "CUDA builds"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What differs: false when the lock still answers the requirements.

    ``changed`` holds pairs of the lock's line and the project's line for one package.
    ``target`` holds the lock's and ours when they differ. ``foreign`` is a lock that does
    not say what it answers, because another tool made it.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[tuple[str, str], ...] = ()
    target: tuple[Target, Target] | None = None
    foreign: bool = False

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.target or self.foreign)

    def lines(self) -> tuple[str, ...]:
        """For people: a sentence for each difference."""
        return tuple(self._lines())

    def _lines(self) -> Iterator[str]:
        if self.foreign:
            yield "the lock does not say what it answers: another tool made it"
        yield from (f"requirements now ask for {_told(line)}" for line in self.added)
        yield from (f"requirements no longer ask for {_told(line)}" for line in self.removed)
        for before, after in self.changed:
            yield f"requirements ask for {_told(after)} where the lock answers {_told(before)}"
        if self.target:
            had, wanted = _differing(*self.target), _differing(*reversed(self.target))
            yield f"the config asks for {wanted} where the lock answers {had}"


def drift(lock: Lock, wanted: Answers) -> Drift:
    """Compare a lock with what is asked for now."""
    if lock.answers is None:
        return Drift(foreign=True)
    added, removed, changed = _compare(lock.answers.texts, wanted.texts)
    moved = lock.answers.target != wanted.target
    return Drift(
        added=added,
        removed=removed,
        changed=changed,
        target=(lock.answers.target, wanted.target) if moved else None,
    )


def _compare(
    before: Iterable[str], after: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Added, removed, and changed lines: a removed and an added one of the same package."""
    gone, new = _by_subject(set(before) - set(after)), _by_subject(set(after) - set(before))
    added, removed, changed = [], [], []
    for subject in sorted({*gone, *new}):
        for old, young in zip_longest(gone.get(subject, ()), new.get(subject, ())):
            if old is None:
                added.append(young)
            elif young is None:
                removed.append(old)
            else:
                changed.append((old, young))
    return tuple(added), tuple(removed), tuple(changed)


def _told(line: str) -> str:
    """A line inside of a sentence."""
    return f"the {line}" if line.startswith(SECTIONS) else line


def _differing(one: Target, other: Target) -> str:
    """What a target says that another does not."""
    words = {
        f"Python {one.python}": one.python != other.python,
        one.platform: one.platform != other.platform,
        BUILDS[one.accelerator]: one.accelerator != other.accelerator,
        f"CUDA {one.cuda or 'of any version'}": one.cuda != other.cuda,
    }
    return ", ".join(word for word, differs in words.items() if differs)


def _by_subject(lines: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for line in sorted(lines):
        found[_subject(line)].append(line)
    return found


def _subject(line: str) -> str:
    """What a line is about: a package in its section, or an option; else the line itself."""
    section = next((s for s in SECTIONS if line.startswith(s)), "")
    rest = line.removeprefix(section)
    if rest.startswith("--"):
        return rest.partition(" ")[0]
    return section + (name_of(rest) or rest)
