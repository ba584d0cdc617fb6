"""The lock that an image is made from, and small locks for packages that are not the author's."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cogsmith.config import Loaded
from cogsmith.environment.accelerators import check_cudnn
from cogsmith.environment.events import Tell, silent
from cogsmith.environment.install import Source, make_cache
from cogsmith.environment.lock import answers
from cogsmith.environment.lock_for import lock_for, own_lock, refuse, tell_drift
from cogsmith.environment.project import look
from cogsmith.environment.requirements import parse as parse_requirements
from cogsmith.environment.resolve import Question, resolve
from cogsmith.environment.settings import Settings
from cogsmith.environment.target import ImageTarget, Target

__all__ = ["image_source", "pinned_source"]


def image_source(
    loaded: Loaded,
    settings: Settings,
    wanted: ImageTarget | None = None,
    *,
    locked: bool = False,
    tell: Tell = silent,
) -> Source:
    """The lock for a model's image: the project's own when it answers that target.

    The project's lock is made, or made anew, where it has to be, and what has moved is told;
    with ``locked`` that is LockStale instead. For another platform or accelerator there is a
    lock in the cache, at the versions of the project's lock. No Python of the target's is
    needed. Raises LockError, also when CUDA or cuDNN cannot be had as the config asks.
    """
    project = look(loaded, settings, Target.image(loaded.config, wanted))
    if locked:
        refuse(project)
    tell_drift(project, tell)
    path, lock = lock_for(project, settings, tell, lambda: make_cache(settings))
    if project.here.accelerator == "cuda":
        check_cudnn(loaded.config.build.cudnn, lock.pins)
    variables = project.variables(settings)
    return Source(lock=lock, path=path, target=project.here, variables=variables)


def pinned_source(
    requirements: tuple[str, ...], target: Target, settings: Settings, *, tell: Tell = silent
) -> Source:
    """A lock in the cache for a few requirements that name their versions.

    It is resolved once for each set of requirements and each target. Raises LockError.
    """
    asked = parse_requirements(lambda _: "\n".join(requirements), "pinned requirements")
    question = answers(asked, target)
    name = hashlib.sha256(f"pinned\n{question.checksum}".encode()).hexdigest()[:32]

    def make(path: Path) -> str:
        make_cache(settings)
        return resolve(
            Question(requirements=asked, target=target, project=settings.locks, path=path),
            settings, tell=tell,
        )  # fmt: skip

    path, lock = own_lock(name, settings, make)
    return Source(lock=lock, path=path, target=target, variables={})
