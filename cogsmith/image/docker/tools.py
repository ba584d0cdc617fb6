"""The program that builds here, and the engine that it speaks to: found once, when needed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import field, replace
from pathlib import Path

from cogsmith.errors import CommandFailed, DockerError, MissingProgram, UsageError
from cogsmith.image.docker.programs import Program
from cogsmith.image.docker.settings import DockerSettings
from cogsmith.image.engine import Engine
from cogsmith.oci import Image, Reference, archive
from cogsmith.process import Command, run
from cogsmith.values import dataclass

__all__ = ["Tools", "find_tools"]

BUILT_IN = 23  # before this version the docker command speaks BuildKit without a plug-in


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """A program and, for Docker, its engine. ``variables`` are the program's environment."""

    program: Program
    engine: Engine | None = None
    variables: dict[str, str] = field(default_factory=dict, repr=False, hash=False)

    def give(self, image: Image, name: Reference, archive_at: Path) -> None:
        """Bring an image into the engine; to Docker's, only what it lacks of it."""
        if self.engine is not None:
            self.engine.load(image, (name,))
            return
        with archive_at.open("wb") as file:
            file.writelines(archive(image, (name,)))
        self.do(self.program.load(archive_at))
        archive_at.unlink()

    def do(self, command: Command) -> None:
        """Run a command of the program. Raises DockerError with its last words."""
        try:
            run(command, env=self.variables)
        except MissingProgram:
            raise
        except CommandFailed as error:
            raise DockerError(f"{' '.join(command[1:2])} failed: {error.tail.strip()}") from error

    def forget(self, *images: str) -> None:
        """Take images away; one that is gone already, or is used by others, is no matter."""
        for image in images:
            with suppress(CommandFailed):
                run(self.program.remove(image), env=self.variables)


def find_tools(settings: DockerSettings, *, secrets: bool) -> Tools:
    """What builds: as the settings say, and where they say docker, Docker before the others.

    Raises DockerError or MissingProgram when there is nothing, and UsageError when steps mount
    ``secrets`` and nothing here can.
    """
    if settings.builder != "docker":
        return _daemonless(settings)
    try:
        tools = _docker(settings)
    except (MissingProgram, DockerError) as problem:
        for kind in ("buildah", "podman"):
            with suppress(MissingProgram):
                return _daemonless(replace(settings, builder=kind))
        raise problem from None
    if secrets and not tools.program.mounts_secrets:
        message = "a step mounts a secret, and Docker's classic builder cannot do that"
        hint = "install Docker's buildx plug-in, or build with --builder buildah or podman"
        raise UsageError(message, where=tools.program.path, hint=hint)
    return tools


def _daemonless(settings: DockerSettings) -> Tools:
    path = shutil.which(settings.builder, path=settings.environ.get("PATH"))
    if path is None:
        raise MissingProgram(settings.builder, "there is no such program here")
    program = Program(kind=settings.builder, path=path)
    return Tools(program=program, variables=program.variables(settings.environ))


def _docker(settings: DockerSettings) -> Tools:
    """The first docker command here that speaks BuildKit, else the first; and the engine."""
    environ = settings.environ
    paths = list(_every("docker", environ.get("PATH", os.defpath)))
    if not paths:
        raise MissingProgram("docker", "there is no such program here")
    engine = Engine.find(environ, home=Path.home())
    classic = Program(kind="docker", path=paths[0])
    modern = (
        replace(classic, path=path, buildkit=True)
        for path in paths
        if environ.get("DOCKER_BUILDKIT") != "0" and _speaks_buildkit(path, environ)
    )
    program = next(modern, classic)
    return Tools(
        program=program, engine=engine, variables=program.variables(environ, engine.address)
    )  # fmt: skip


def _every(name: str, path: str) -> Iterator[str]:
    """All programs of a name, in the order of PATH."""
    for folder in path.split(os.pathsep):
        if found := shutil.which(name, path=folder or os.curdir):
            yield found


def _speaks_buildkit(docker: str, environ: Mapping[str, str]) -> bool:
    """Whether a docker command has BuildKit: as a plug-in, or, an older one, in itself."""
    with suppress(CommandFailed):
        run((docker, "buildx", "version"), env=environ)
        return True
    with suppress(CommandFailed):
        told = run((docker, "--version"), env=environ).output  # Docker version 20.10.24+dfsg1, ...
        number = told.removeprefix("Docker version ").partition(".")[0]
        return number.isdigit() and int(number) < BUILT_IN
    return False
