"""From a config to an environment: what is asked for, what has moved, which lock, which folder."""

from __future__ import annotations

from pathlib import Path

from cogsmith.config import Loaded
from cogsmith.environment.drift import Drift
from cogsmith.environment.events import Event, Notice, Tell, silent
from cogsmith.environment.install import Environment, Source, install, made, make_ready
from cogsmith.environment.lock import Lock
from cogsmith.environment.lock_for import lock_for, refuse, tell_drift
from cogsmith.environment.project import look
from cogsmith.environment.settings import Settings
from cogsmith.values import dataclass

__all__ = ["Prepared", "prepare"]

NO_GPU = (
    "this machine has no GPU: torch resolves to its CPU build for local use; the image keeps CUDA"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An environment that is ready, the lock that it was made from, and what was told."""

    environment: Environment
    lock: Lock
    lock_path: Path
    drift: Drift | None
    notices: tuple[Notice, ...]


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
        refuse(project)
    tell_drift(project, ears)
    path, lock = lock_for(
        project, settings, ears, lambda: make_ready(project.here, settings, tell=ears)
    )
    source = Source(
        lock=lock, path=path, target=project.here, variables=project.variables(settings)
    )
    other = project.here.accelerator != project.image.accelerator
    if other and _has_torch(lock) and not made(source, settings):
        ears(Notice(text=NO_GPU))
    environment = install(source, settings, tell=ears)
    return Prepared(
        environment=environment, lock=lock, lock_path=path, drift=project.drift,
        notices=tuple(ears.notices),
    )  # fmt: skip


class _Ears:
    """Passes events on and remembers the notices among them."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell
        self.notices: list[Notice] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, Notice):
            self.notices.append(event)
        self.tell(event)


def _has_torch(lock: Lock) -> bool:
    return any(pin.name == "torch" for pin in lock.pins)
