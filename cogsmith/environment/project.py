"""What a project asks for, and how its lock stands: all that reading its files can tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cogsmith.config import Loaded
from cogsmith.environment.credentials import url_variables
from cogsmith.environment.drift import Drift, drift
from cogsmith.environment.indexes import option_variables
from cogsmith.environment.load import load_lock, load_requirements, lock_path, uv_variables
from cogsmith.environment.lock import Lock, answers
from cogsmith.environment.machine import read_machine
from cogsmith.environment.pins import pins_of
from cogsmith.environment.requirements import Requirements
from cogsmith.environment.resolve import Question
from cogsmith.environment.settings import Settings
from cogsmith.environment.target import Target
from cogsmith.values import dataclass

__all__ = ["Project", "asked", "look"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What a project asks for, and its lock as it stands: all that reading files can tell.

    ``image`` is the target of its own lock, ``here`` the one that a lock is wanted for: this
    machine, or an image. ``lock`` and ``drift`` are None when there is no lock at ``path``.
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
        """Whether the project's lock is, or will be, the lock that is wanted too."""
        foreign = self.drift is not None and self.drift.foreign
        return self.image == self.here and not foreign

    def question(self, target: Target, path: Path) -> Question:
        """What to resolve for a target; the lock's versions are kept where they fit."""
        return Question(
            requirements=self.requirements, target=target, project=self.folder, path=path,
            earlier=self.lock, pins=pins_of(self.lock),
        )  # fmt: skip

    def variables(self, settings: Settings) -> Mapping[str, str]:
        """What the requirements files themselves say about indexes, for using a lock.

        Also who we are to the hosts of their URLs, which the lock does not say.
        """
        asked = self.requirements
        lines = (*asked.packages, *asked.constraints)
        if not asked.options and not any("@" in line and "://" in line for line in lines):
            return {}
        own = option_variables(asked.options, uv_variables(settings), project=self.folder)
        return {**own, **url_variables(lines, own)}


def look(loaded: Loaded, settings: Settings, here: Target | None = None) -> Project:
    """Read what a project asks for and hold it against its lock. Resolves and runs nothing.

    ``here`` is the target to make a lock for; None: this machine's. Raises LockError when a
    requirements file or the lock cannot be understood.
    """
    project = asked(loaded, settings, here)
    lock = load_lock(project.path, settings.parsed)
    moved = drift(lock, answers(project.requirements, project.image)) if lock else None
    return replace(project, lock=lock, drift=moved)


def asked(loaded: Loaded, settings: Settings, here: Target | None = None) -> Project:
    """The project without its lock."""
    folder, config = loaded.path.parent.resolve(), loaded.config
    return Project(
        path=lock_path(folder / loaded.path.name),
        requirements=load_requirements(config, folder),
        image=Target.image(config),
        here=here or Target.here(config, read_machine(settings)),
        lock=None,
        drift=None,
    )
