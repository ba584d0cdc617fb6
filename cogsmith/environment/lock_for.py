"""Which lock serves a target: the project's own, or one in the cache at its versions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cogsmith.config import Loaded
from cogsmith.environment.events import Notice, Tell, silent
from cogsmith.environment.load import load_lock, save_lock, writable
from cogsmith.environment.lock import Lock, answers
from cogsmith.environment.lock import parse as parse_lock
from cogsmith.environment.pins import pins_of
from cogsmith.environment.project import Project, asked
from cogsmith.environment.resolve import Question, resolve
from cogsmith.environment.settings import Settings
from cogsmith.errors import LockError, LockStale, Problem

__all__ = ["lock_for", "own_lock", "refuse", "tell_drift", "write_lock"]

RELOCK = "run `cogsmith lock` and commit {name}"


def write_lock(
    loaded: Loaded, settings: Settings, *, upgrade: bool = False, tell: Tell = silent
) -> Lock:
    """Resolve a project for its image and write its lock beside its config.

    Versions of the lock that is there are kept where they fit, unless ``upgrade``; pinned base
    images are kept; a lock that cannot be understood is replaced. Raises LockError.
    """
    project = replace(asked(loaded, settings), lock=None)
    had = _readable(project.path)
    question = replace(
        project.question(project.image, project.path),
        earlier=None if upgrade else had,
        pins=pins_of(had),
    )
    return _saved(project, resolve(question, settings, tell=tell), tell)


def refuse(project: Project) -> None:
    """With a lock that must hold: neither missing nor drifted. Raises LockStale."""
    name, hint = project.path.name, RELOCK.format(name=project.path.name)
    if project.lock is None:
        raise LockStale("there is no lock, and --locked asks for one", where=name, hint=hint)
    if project.drift:
        lines = project.drift.lines()
        raise LockStale([Problem(line, where=name, hint=hint) for line in lines])


def tell_drift(project: Project, tell: Tell) -> None:
    """Say what has moved since the project was locked, if anything has."""
    if not project.drift:
        return
    name = project.path.name
    lines = "\n".join(f"  {line}" for line in project.drift.lines())
    anew = project.serves_here and writable(project.folder)
    hint = f"{name} is now made anew; commit it" if anew else RELOCK.format(name=name)
    tell(Notice(text=f"{name} does not answer what is asked for:\n{lines}", hint=hint))


def lock_for(
    project: Project, settings: Settings, tell: Tell, ready: Callable[[], object]
) -> tuple[Path, Lock]:
    """The project's lock where it serves the wanted target, otherwise one of its own.

    ``ready`` is called before anything is resolved. Raises LockError.
    """
    if not project.serves_here:
        return _own_lock(project, settings, tell, ready)
    if project.lock and not project.stale:
        return project.path, project.lock
    if not writable(project.folder):
        return _own_lock(project, settings, tell, ready)
    ready()
    text = resolve(project.question(project.here, project.path), settings, tell=tell)
    return project.path, _saved(project, text, tell)


def _saved(project: Project, text: str, tell: Tell) -> Lock:
    """Write the project's lock, and say so when it would not install on another machine."""
    save_lock(project.path, text)
    lock = parse_lock(text, where=project.path.name)
    if names := ", ".join(lock.elsewhere()):
        told = f"{project.path.name} takes {names} from a folder of this machine"
        hint = "other machines need an index that has the same files, or the folder beside cog.yaml"
        tell(Notice(text=told, hint=hint))
    return lock


def _own_lock(
    project: Project, settings: Settings, tell: Tell, ready: Callable[[], object]
) -> tuple[Path, Lock]:
    """A lock for the wanted target, in the cache, at the versions of the project's lock."""

    def make(path: Path) -> str:
        ready()
        question = project.question(project.here, path)
        if project.stale:
            return resolve(question, settings, tell=tell)
        return _at_versions_of(project, replace(question, pinned=project.lock), settings, tell)

    return own_lock(_own_name(project), settings, make)


def own_lock(name: str, settings: Settings, make: Callable[[Path], str]) -> tuple[Path, Lock]:
    """The lock in the cache whose name says what it answers; ``make`` gives its text."""
    path = settings.locks / f"pylock.{name}.toml"
    if lock := _readable(path, settings.parsed):
        return path, lock
    text = make(path)
    save_lock(path, text)
    return path, parse_lock(text, where=str(path))


def _own_name(project: Project) -> str:
    """The question's checksum, with what else the answer depends on."""
    parts = [answers(project.requirements, project.here).checksum]
    if project.lock:
        parts.append(project.lock.digest())
    if project.requirements.local_paths():
        parts.append(str(project.folder))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _at_versions_of(project: Project, question: Question, settings: Settings, tell: Tell) -> str:
    try:
        return resolve(question, settings, tell=tell)
    except LockError:
        free = resolve(replace(question, pinned=None), settings, tell=tell)
        text = (
            f"not all versions of {project.path.name} can be had for {project.here}: "
            "some packages have other versions there than in the project's lock"
        )
        tell(Notice(text=text))
        return free


def _readable(path: Path, kept: Path | None = None) -> Lock | None:
    """A lock, or None where there is none that can be understood: it can be made again."""
    try:
        return load_lock(path, kept)
    except LockError:
        return None
