"""An image's own server, in a container, at a port of this machine, until somebody ends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from cogsmith.cli.console import Console
from cogsmith.cli.containers import Found, an_engine, find_image, launch_of, started
from cogsmith.container import Container, Folder, Launch, Port, is_remote
from cogsmith.errors import CogsmithError, Problem, SetupFailed, UsageError
from cogsmith.values import dataclass

__all__ = ["Serving", "serve_image"]

GRACE = 30  # seconds for what is underway, when it is told to end
SOURCE = "/src"  # where the author's code is, in Cog's images and in ours
THIS_MACHINE = "host.docker.internal"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What ``serve`` asks for; ``setup_timeout`` is in seconds, None for ever."""

    port: int
    host: str
    environment: Mapping[str, str]
    gpus: str | None
    workers: int | None = None
    upload_url: str | None = None
    setup_timeout: float | None = None
    project: str | None = None


def serve_image(word: str, asked: Serving, console: Console) -> int:
    """Serve until the container ends or a person says so; the exit code.

    Raises DockerError, and what finding the image raises.
    """
    with an_engine() as engine:
        found = find_image(word, engine, console)
        launch = _launch(found, asked, console)
        with started(found, launch, console) as session:
            container = session.container
            console.note(f"Serving at {_shown(container)}; the model loads")
            try:
                _tell_of_setup(container, asked, console)
                code = container.wait()
            except KeyboardInterrupt:
                console.note("ending when what is underway has ended; Ctrl-C again ends it at once")
                container.stop(GRACE)
                container.wait(GRACE)
                return INTERRUPTED
    if code:
        raise CogsmithError(f"the container ended with exit code {code}")
    console.note("the container has ended")
    return 0


def _tell_of_setup(container: Container, asked: Serving, console: Console) -> None:
    """Say when the model is there. A server whose setup failed stays, and says so to callers."""
    try:
        container.ready(asked.setup_timeout)
    except SetupFailed as error:
        if container.exit_code is not None or asked.setup_timeout is not None:
            raise
        console.error(error)
        return
    console.done(f"Ready: {_shown(container)}; Ctrl-C ends it")


def _launch(found: Found, asked: Serving, console: Console) -> Launch:
    environment, command = dict(asked.environment), None
    ours = {"COGSMITH_WORKERS": asked.workers, "COGSMITH_UPLOAD_URL": asked.upload_url}
    if found.packaged.ours:
        told = {name: str(value) for name, value in ours.items() if value is not None}
        environment = {**told, **environment}
    elif asked.upload_url:
        command = (*found.command, "--upload-url", asked.upload_url)
    if asked.workers and not found.packaged.ours:
        console.note("--workers has no effect: the image's server is not ours")
    if asked.host not in LOOPBACK and not environment.get("COGSMITH_API_KEY"):
        hint = "-e COGSMITH_API_KEY=... lets in only those who have the key (images of ours)"
        console.warning(Problem("whoever reaches this machine can use the model", hint=hint))
    launch = launch_of(found, environment, asked.gpus, level="info")
    host = "" if asked.host in LOOPBACK else asked.host
    names_us = urlsplit(asked.upload_url or "").hostname == THIS_MACHINE
    return replace(
        launch, ports=(Port(outside=asked.port, host=host),), grace=GRACE,
        command=command or launch.command, folders=(*launch.folders, *_project(found, asked)),
        hosts=(f"{THIS_MACHINE}:host-gateway",) if names_us else (),
    )  # fmt: skip


def _project(found: Found, asked: Serving) -> tuple[Folder, ...]:
    if asked.project is None:
        return ()
    if is_remote(found.engine):
        raise UsageError(f"--project {asked.project} is not on the engine's machine")
    return (Folder(str(Path(asked.project).resolve()), SOURCE),)


def _shown(container: Container) -> str:
    """The address for people."""
    return container.url.replace("//127.0.0.1:", "//localhost:")
