"""What of this machine is in a model's way: Python, uv, disks, Docker, the registry."""

from __future__ import annotations

from collections.abc import Iterator

from cogsmith.doctor.finding import Finding, Severity, Topic, of_problems
from cogsmith.doctor.project import Project
from cogsmith.doctor.surroundings import Space, Surroundings
from cogsmith.errors import Problem

__all__ = [
    "disk_findings",
    "docker_findings",
    "file_findings",
    "python_findings",
    "registry_findings",
]

GB = 1_000_000_000
LEAST = {False: 2 * GB, True: 15 * GB}  # torch with CUDA takes 5 GB, and twice that on the way


def python_findings(project: Project, around: Surroundings) -> Iterator[Finding]:
    """uv, which makes environments, and the model's Python."""
    if around.uv is not None:
        yield from of_problems(Topic.PYTHON, [around.uv])
    elif project.config is not None and not around.python:
        minor = ".".join(project.config.build.python_version.split(".")[:2])
        yield Finding(
            topic=Topic.PYTHON, severity=Severity.NOTE, message=f"Python {minor} is not here",
            hint="uv fetches it for the first run; an image brings its own",
        )  # fmt: skip


def disk_findings(project: Project, around: Surroundings) -> Iterator[Finding]:
    """Disks with too little room, each told once."""
    gpu = project.config is not None and project.config.build.gpu
    disks: dict[int, list[Space]] = {}
    for space in around.spaces:
        disks.setdefault(space.disk, []).append(space)
    for spaces in disks.values():
        least = min(spaces, key=lambda space: space.free)
        if least.free < LEAST[gpu]:
            names = " and ".join(space.what for space in spaces)
            yield Finding(
                topic=Topic.DISK, severity=Severity.WARNING, where=least.path,
                message=f"{least.free / GB:.1f} GB are free for {names}",
                hint=f"{LEAST[gpu] // GB} GB are good to have; cogsmith prune frees some",
            )  # fmt: skip


def docker_findings(project: Project, around: Surroundings) -> Iterator[Finding]:
    """Docker's engine, which only what is run inside of an image needs."""
    if project.config is None or not around.docker_wanted or around.docker is None:
        return
    if around.needs_docker:
        for problem in around.needs_docker:
            yield Finding(
                topic=Topic.DOCKER, severity=Severity.WARNING, where=problem.where,
                message=f"{problem.message}; {around.docker.message}", hint=around.docker.hint,
            )  # fmt: skip
        return
    plain = Problem(around.docker.message, around.docker.where, "it is not needed for this model")
    yield from of_problems(Topic.DOCKER, [plain], Severity.NOTE)


def registry_findings(_project: Project, around: Surroundings) -> Iterator[Finding]:
    """The registry that `image:` names, when it did not take us; offline is no error."""
    if around.registry is not None:
        problem = around.registry
        hint = problem.hint or f"cogsmith login {around.asked}"
        told = Problem(problem.message, around.asked, hint)
        yield from of_problems(Topic.REGISTRY, [told], Severity.WARNING)


def file_findings(project: Project, around: Surroundings) -> Iterator[Finding]:
    """What goes into the image and hardly should."""
    if project.config is None:
        return
    for path in around.secret:
        yield Finding(
            topic=Topic.FILES, severity=Severity.WARNING, where=path,
            message="goes into the image, and looks like a secret",
            hint=f"write {path} into .dockerignore",
        )  # fmt: skip
    for heavy in around.heavy:
        yield Finding(
            topic=Topic.FILES, severity=Severity.NOTE, where=heavy.path,
            message=f"{heavy.size / GB:.1f} GB of it go into the image",
            hint=f"write {heavy.path} into .dockerignore, if the model does not need it there",
        )  # fmt: skip
