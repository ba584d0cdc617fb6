"""Where a container, or a project, sees the files of weights: plans, made by nobody yet. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cogsmith.weights.lock import LockedWeight

__all__ = ["LocalLink", "Mount", "local_links", "plan_mounts"]

WORKDIR = PurePosixPath("/src")  # where the project is in an image


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of this machine, seen in a container at ``target``; read-only."""

    source: Path
    target: str


@dataclass(frozen=True, slots=True)
class LocalLink:
    """Where the files of a weight are looked for without a container.

    ``inside`` the project we may put a link there; elsewhere the files have to be there already.
    """

    weight: LockedWeight
    place: Path
    inside: bool = True


def plan_mounts(weights: Iterable[LockedWeight], folder: Path) -> tuple[Mount, ...]:
    """The mounts of weights whose folders are in ``folder``, by name."""
    return tuple(Mount(folder / weight.name, weight.target) for weight in weights)


def local_links(weights: Iterable[LockedWeight], project: Path) -> tuple[LocalLink, ...]:
    """Where a project that runs on this machine looks for its weights.

    In an image the project is /src, so what is under /src is in the project's folder here.
    """
    return tuple(_local(weight, PurePosixPath(weight.target), project) for weight in weights)


def _local(weight: LockedWeight, target: PurePosixPath, project: Path) -> LocalLink:
    if target.is_relative_to(WORKDIR):
        return LocalLink(weight, project / target.relative_to(WORKDIR))
    return LocalLink(weight, Path(target), inside=False)
