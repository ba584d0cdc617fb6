"""From a config to an environment: what is asked for, what has moved, which lock, which folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from cogsmith.config import Loaded
from cogsmith.environment.drift import Drift, drift
from cogsmith.environment.events import Event, Notice, Tell, silent
from cogsmith.environment.indexes import option_variables
from cogsmith.environment.install import Environment, Source, install, made, make_ready
from cogsmith.environment.load import (
    load_lock,
    load_requirements,
    lock_path,
    save_lock,
    uv_variables,
    writable,
)
from cogsmith.environment.lock import Lock, answers
from cogsmith.environment.lock import parse as parse_lock
from cogsmith.environment.machine import read_machine
from cogsmith.environment.requirements import Requirements
from cogsmith.environment.resolve import Question, resolve
from cogsmith.environment.settings import Settings
from cogsmith.environment.target import Target
from cogsmith.errors import LockError, LockStale, Problem

__all__ = ["Prepared", "Project", "look", "prepare", "write_lock"]

NO_GPU = (
    "this machine has no GPU: torch resolves to its CPU build for local use; the image keeps CUDA"
)
RELOCK = "run `cogsmith lock` and commit {name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What a project asks for, and its lock as it stands: all that reading files can tell.

    ``lock`` and ``drift`` are None when there is no lock at ``path``.
    """

    path: Path
    requirements: Requirements
    image: Target
    here: Target
    lock: Lock | None
    drift: Drift | None

    @property
    def folder(self) -> Path:
        """Where cog.yaml and its lock are."""
        return self.path.parent

    @property
    def stale(self) -> bool:
        """Whether the lock has to be made anew by us: it is missing, or ours and drifted."""
        return self.lock is None or bool(self.drift and not self.drift.foreign)

    @property
    def serves_here(self) -> bool:
        """Whether the project's lock is, or will be, this machine's lock too."""
        foreign = self.drift is not None and self.drift.foreign
        return self.image == self.here and not foreign

    def question(self, target: Target, path: Path) -> Question:
        """What to resolve for a target; the lock's versions are kept where they fit."""
        return Question(
            requirements=self.requirements, target=target, project=self.folder, path=path,
            earlier=self.lock,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An environment that is ready, the lock that it was made from, and what was told."""

    environment: Environment
    lock: Lock
    lock_path: Path
    drift: Drift | None
    notices: tuple[Notice, ...]


def look(loaded: Loaded, settings: Settings) -> Project:
    """Read what a project asks for and hold it against its lock. Resolves and runs nothing.

    Raises LockError when a requirements file or the lock cannot be understood.
    """
    project = _asked(loaded, settings)
    lock = load_lock(project.path)
    moved = drift(lock, answers(project.requirements, project.image)) if lock else None
    return replace(project, lock=lock, drift=moved)


def _asked(loaded: Loaded, settings: Settings) -> Project:
    folder, config = loaded.path.parent.resolve(), loaded.config
    return Project(
        path=lock_path(folder / loaded.path.name),
        requirements=load_requirements(config, folder),
        image=Target.image(config),
        here=Target.here(config, read_machine(settings)),
        lock=None,
        drift=None,
    )


def prepare(
    loaded: Loaded, settings: Settings, *, locked: bool = False, tell: Tell = silent
) -> Prepared:
    """Give a model's environment on this machine, making lock and environment where needed.

    What has moved since the project was locked is told before anything is resolved. With
    ``locked`` that, and a missing lock, is LockStale instead. Raises LockError and
    InstallError, as ``resolve`` and ``install`` do.
    """
    project = look(loaded, settings)
    ears = _Ears(tell)
    if locked:
        _refuse(project)
    if project.drift:
        ears(_drift_notice(project))
    path, lock = _lock_for_here(project, settings, ears)
    source = Source(
        lock=lock, path=path, target=project.here, variables=_own_variables(project, settings)
    )
    other = project.here.accelerator != project.image.accelerator
    if other and _has_torch(lock) and not made(source, settings):
        ears(Notice(text=NO_GPU))
    environment = install(source, settings, tell=ears)
    return Prepared(
        environment=environment, lock=lock, lock_path=path, drift=project.drift,
        notices=tuple(ears.notices),
    )  # fmt: skip


def write_lock(
    loaded: Loaded, settings: Settings, *, upgrade: bool = False, tell: Tell = silent
) -> Lock:
    """Resolve a project for its image and write its lock beside its config.

    Versions of the lock that is there are kept where they fit, unless ``upgrade``; a lock
    that cannot be understood is replaced. Raises LockError.
    """
    project = _asked(loaded, settings)
    question = project.question(project.image, project.path)
    text = resolve(
        replace(question, earlier=None if upgrade else _readable(project.path)), settings, tell=tell
    )
    return _saved(project, text, tell)


class _Ears:
    """Passes events on and remembers the notices among them."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell
        self.notices: list[Notice] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, Notice):
            self.notices.append(event)
        self.tell(event)


def _refuse(project: Project) -> None:
    """With a lock that must hold: neither missing nor drifted."""
    name, hint = project.path.name, RELOCK.format(name=project.path.name)
    if project.lock is None:
        raise LockStale("there is no lock, and --locked asks for one", where=name, hint=hint)
    if project.drift:
        lines = project.drift.lines()
        raise LockStale([Problem(line, where=name, hint=hint) for line in lines])


def _drift_notice(project: Project) -> Notice:
    assert project.drift
    name = project.path.name
    lines = "\n".join(f"  {line}" for line in project.drift.lines())
    anew = project.serves_here and writable(project.folder)
    hint = f"{name} is now made anew; commit it" if anew else RELOCK.format(name=name)
    return Notice(text=f"{name} does not answer what is asked for:\n{lines}", hint=hint)


def _has_torch(lock: Lock) -> bool:
    return any(pin.name == "torch" for pin in lock.pins)


def _own_variables(project: Project, settings: Settings) -> dict[str, str]:
    """What a requirements file itself says about indexes, for installing from the lock."""
    options = project.requirements.options
    if not options:
        return {}
    return option_variables(options, uv_variables(settings), project=project.folder)


def _lock_for_here(project: Project, settings: Settings, tell: Tell) -> tuple[Path, Lock]:
    """The project's lock where it serves this machine, otherwise one of this machine's own."""
    if not project.serves_here:
        return _own_lock(project, settings, tell)
    if project.lock and not project.stale:
        return project.path, project.lock
    if not writable(project.folder):
        return _own_lock(project, settings, tell)
    make_ready(project.here, settings, tell=tell)
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


def _own_lock(project: Project, settings: Settings, tell: Tell) -> tuple[Path, Lock]:
    """A lock for this machine's target, in the cache, at the versions of the project's lock."""
    path = settings.locks / f"pylock.{_own_name(project)}.toml"
    if lock := _readable(path):
        return path, lock
    make_ready(project.here, settings, tell=tell)
    question = project.question(project.here, path)
    if not project.stale:
        text = _at_versions_of(project, replace(question, pinned=project.lock), settings, tell)
    else:
        text = resolve(question, settings, tell=tell)
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
            "some packages have other versions here than in the image"
        )
        tell(Notice(text=text))
        return free


def _readable(path: Path) -> Lock | None:
    """A lock, or None where there is none that can be understood: it can be made again."""
    try:
        return load_lock(path)
    except LockError:
        return None
