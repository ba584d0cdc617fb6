"""The machine as it was looked at: what the checks of it judge."""

from __future__ import annotations

from dataclasses import dataclass, field

from cogsmith.errors import Problem

__all__ = ["Driver", "Gpu", "Heavy", "Space", "Surroundings"]


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU of NVIDIA's and its compute capability: (9, 0) for an H200."""

    name: str
    capability: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """NVIDIA's driver: its version, the newest CUDA that it runs (None: not told), its GPUs."""

    version: str
    cuda: tuple[int, int] | None
    gpus: tuple[Gpu, ...] = ()


@dataclass(frozen=True, slots=True)
class Space:
    """A place on a disk and how many bytes are free there; ``disk`` tells disks apart."""

    what: str
    path: str
    free: int
    disk: int


@dataclass(frozen=True, slots=True)
class Heavy:
    """A file, or all of a folder, that goes into the image, with its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What was found around a project.

    ``python`` is the release of the model's Python on this machine ("3.12.4"; "": there is
    none), ``uv`` what is wrong with uv. ``driver`` is None without NVIDIA's. ``docker`` and
    ``registry`` say what is wrong with the two; ``asked`` names the registry that was asked.
    ``needs_docker`` are the keys that no image can be built for without it. ``secret`` and
    ``heavy`` are files that go into the image.
    """

    python: str = ""
    uv: Problem | None = None
    driver: Driver | None = None
    gpu_wanted: bool = True
    spaces: tuple[Space, ...] = ()
    docker: Problem | None = None
    docker_wanted: bool = True
    needs_docker: tuple[Problem, ...] = ()
    asked: str = ""
    registry: Problem | None = None
    secret: tuple[str, ...] = ()
    heavy: tuple[Heavy, ...] = field(default=())
