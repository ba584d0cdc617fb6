"""Images as models: found, brought into an engine, run in a container, asked over HTTP."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cogsmith.cli import image_word
from cogsmith.cli.console import Console
from cogsmith.cli.job import Asking, Following, Job, Take, deliver, write_log
from cogsmith.cli.progress import Display, showing
from cogsmith.cli.store import open_store
from cogsmith.container import (
    Asked,
    Container,
    Folder,
    Launch,
    Packaged,
    Plain,
    is_remote,
    packed,
    podman_service,
    running,
    unpacked,
)
from cogsmith.errors import (
    DockerError,
    InvalidReference,
    NotFound,
    NotInLayout,
    OciError,
    RegistryError,
    UsageError,
    WorkerCrashed,
)
from cogsmith.image import Engine
from cogsmith.oci import Image, Layout, Platform, Reference
from cogsmith.prediction import Event, Log, Output, Prediction
from cogsmith.signature import Signature, from_openapi
from cogsmith.values import dataclass

__all__ = [
    "ALONE",
    "Found",
    "Session",
    "an_engine",
    "find_image",
    "is_here",
    "launch_of",
    "started",
]

_log = logging.getLogger(__name__)

WEIGHTS = "COG_WEIGHTS"
MOUNTED = "/opt/weights"
# Nobody else reaches the port of a container that makes one prediction: what keeps a server that
# is open to others from being overrun does not apply. A file may be as large as it is.
ALONE = {"COGSMITH_API_KEY": "", "COGSMITH_FILE_LIMIT": "1024g", "COGSMITH_MAX_BODY": "1024g"}
CANCEL_GRACE = 5  # seconds that a canceled prediction has to end
GONE = 2.0  # seconds until the engine tells how a container ended
OUT_OF_MEMORY = 137  # killed


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An image that the engine has: its id there, the model in it, and the command it starts."""

    name: str
    id: str
    engine: Engine
    packaged: Packaged
    command: tuple[str, ...] = ()

    def signature(self, *, train: bool = False) -> Signature | None:
        """What its label says of its inputs; None where no label does.

        Raises SignatureError when it has a label, and that knows of no such thing.
        """
        schema = self.packaged.schema
        return from_openapi(schema, train=train) if schema else None


# --- finding


@contextmanager
def an_engine() -> Iterator[Engine]:
    """Docker's engine; where none answers, podman's. Raises DockerError."""
    with ExitStack() as stack:
        try:
            found = Engine.find(os.environ, home=Path.home())
        except DockerError as error:
            if os.environ.get("DOCKER_HOST"):
                raise
            found = stack.enter_context(_podman(error))
        yield found


@contextmanager
def _podman(problem: DockerError) -> Iterator[Engine]:
    """A service of podman's: that which runs or one for us alone."""
    folders = (os.environ.get("XDG_RUNTIME_DIR", ""), "/run")
    for place in (Path(folder, "podman", "podman.sock") for folder in folders if folder):
        if place.exists():
            environ = {**os.environ, "DOCKER_HOST": f"unix://{place}"}
            yield Engine.find(environ, home=Path.home())
            return
    with ExitStack() as stack:
        try:
            service = stack.enter_context(podman_service())
        except DockerError as error:
            raise DockerError([*problem.problems, *error.problems]) from error
        yield service


def is_here(word: str) -> bool:
    """Whether the store or Docker's engine has an image of this name: nothing is started."""
    try:
        open_store().layout.find(Reference.parse(word))
    except NotInLayout:
        pass
    except InvalidReference:
        return False
    else:
        return True
    try:
        return Engine.find(os.environ, home=Path.home()).inspect(word) is not None
    except DockerError:
        return False


def find_image(word: str, engine: Engine, console: Console) -> Found:
    """An image by its name: in the engine, else in our store, else in its registry.

    From the store or the registry it is brought into the engine. Raises InvalidReference,
    RegistryError, OciError, and DockerError.
    """
    said = engine.inspect(word)
    layout = open_store().layout
    if said is None:
        said = _brought(Reference.parse(word), layout, engine, console)
    else:
        _tell_of_another(word, said, engine, layout, console)
    config = said.get("Config") or {}
    return Found(
        name=word, id=str(said["Id"]), engine=engine,
        packaged=Packaged.of(config.get("Labels") or {}), command=tuple(config.get("Cmd") or ()),
    )  # fmt: skip


def _tell_of_another(
    word: str, said: Mapping[str, Any], engine: Engine, layout: Layout, console: Console
) -> None:
    """The store may have a newer image of the name, which was built while no engine ran."""
    try:
        reference = Reference.parse(word)
        image = layout.image(layout.find(reference), engine.platform)
    except OciError:  # it has none of that name, or none for this machine
        return
    ids = {str(image.manifest.config.digest), str(image.digest)}
    if said["Id"] not in ids and f"sha256:{said['Id']}" not in ids:
        console.note(f"the store has another {reference.familiar}; this is the engine's")


def _brought(
    reference: Reference, layout: Layout, engine: Engine, console: Console
) -> dict[str, Any]:
    platform = engine.platform
    with showing(console) as display:
        try:
            entry = layout.find(reference)
        except NotInLayout:
            image = _pulled(reference, layout, platform, display)
        else:
            image = layout.image(entry, platform)
        kind = "podman" if engine.podman else "docker"
        engine.load(image, [reference], display.amount(f"Loading into {kind}"))
    for name in (image.manifest.config.digest, image.digest):
        if said := engine.inspect(str(name)):
            return said
    raise DockerError("the engine took the image and does not have it", where=engine.address)


def _pulled(reference: Reference, layout: Layout, platform: Platform, display: Display) -> Image:
    from cogsmith.cli.transfers import client  # what is here needs no registry, and no HTTP

    display.console.note(f"Pulling {reference.familiar} for {platform}")
    try:
        with client() as registry:
            manifest = registry.manifest(reference, platform)
            titles = {blob.digest: f"layer {n + 1}" for n, blob in enumerate(manifest.layers)}
            tell = display.blobs("Pulling", "Pulled", titles)
            entry = registry.pull(reference, layout, platform, tell)
    except NotFound as error:
        message = f"there is no such image, neither here nor in its registry: {error.message}"
        hint = "cogsmith images lists those that were built here, cogsmith models the models"
        raise NotFound(message, where=reference.familiar, hint=hint, status=404) from error
    except RegistryError as error:
        raise type(error)(
            f"the image is not here, and its registry cannot be asked: {error.message}",
            where=error.where, hint=error.hint, status=error.status, reasons=error.reasons,
        ) from error  # fmt: skip
    return layout.image(entry, platform)


# --- running


def of_image(word: str, asking: Asking, *, train: bool = False) -> None:
    """Run what is asked for with an image, in a container that is gone afterwards.

    Inputs are checked before it starts, if the image's label tells what it takes.
    """
    with an_engine() as engine:
        with asking.timings.phase("image"):
            found = find_image(word, engine, asking.console)
        signature = found.signature(train=train)
        job = asking.job(signature) if signature else None
        environment = {**(ALONE if found.packaged.ours else {}), **asking.environment}
        launch = launch_of(found, environment, image_word.gpus(), level="warning")  # as Cog
        if train:
            launch = replace(launch, command=found.packaged.training())
        plain = Plain() if found.packaged.cogs else None
        with started(found, launch, asking.console, plain) as session:
            with asking.timings.phase("container and setup"):
                session.container.ready(asking.setup_timeout)
            job = job or asking.job(session.signature(train=train))
            deliver(job, session.run, asking.target, document=asking.as_document)


def launch_of(
    found: Found, environment: Mapping[str, str], gpus: str | None, *, level: str = ""
) -> Launch:
    """A container of the image with these variables; its server says what ``level`` lets through.

    Without a level no server is meant to run.

    Weights on this machine, which ``COG_WEIGHTS`` names, are mounted. Raises UsageError.
    """
    server = {"COG_LOG_LEVEL": level, "PORT": "5000"} if level else {}
    if server and _log.isEnabledFor(logging.DEBUG):
        server["COG_LOG_LEVEL"] = "debug"
    variables, folders = _weights({**server, **environment}, found.engine)
    return Launch(
        image=found.id, environment=variables, folders=folders,
        gpus=gpus if gpus is not None else ("all" if found.packaged.gpu else ""),
        gpus_if_any=gpus is None,
    )  # fmt: skip


def _weights(
    variables: Mapping[str, str], engine: Engine
) -> tuple[dict[str, str], tuple[Folder, ...]]:
    told = variables.get(WEIGHTS) or os.environ.get(WEIGHTS, "")
    if not told:
        return dict(variables), ()
    path = Path(told).expanduser()
    if not path.exists():  # a URL, or a place in the image
        return {**variables, WEIGHTS: told}, ()
    if is_remote(engine):
        hint = "give it a URL, or put the weights into the image"
        raise UsageError(f"{WEIGHTS}={told} is not on the engine's machine", hint=hint)
    target = f"{MOUNTED}/{path.resolve().name}"
    folder = Folder(str(path.resolve()), target, read_only=True)
    return {**variables, WEIGHTS: target}, (folder,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A container, and a folder for the files that its model gives.

    ``silent``: the container does not write what a prediction prints; it is in the answer alone.
    """

    container: Container
    folder: Path
    silent: bool = False

    def signature(self, *, train: bool = False) -> Signature:
        """What its server says of its inputs. Raises PredictionError and SignatureError."""
        return from_openapi(self.container.model.schema(), train=train)

    def run(self, job: Job, take: Take) -> Prediction:
        """Run a job in it."""
        following = Following(job, take)
        signature = job.signature
        asked = Asked(
            id=following.prediction.id, inputs=packed(signature, dict(job.inputs), _read),
            context=job.context, train=signature.is_train, stream=signature.streaming,
            iterator=signature.output.is_iterator,
        )  # fmt: skip
        try:
            for event in self.container.model.run(asked):
                following.step(self._with_files(signature, event))
                if self.silent and isinstance(event, Log):
                    write_log(job.console, event)
        except KeyboardInterrupt:
            job.console.note(f"canceling the {job.noun}")
            self.container.model.cancel(asked)
            self.container.stop(CANCEL_GRACE)
            raise
        except WorkerCrashed as error:
            raise _ended(self.container, error) from error
        return following.end()

    def _with_files(self, signature: Signature, event: Event) -> Event:
        """The same event; files that came as text lie in the folder now."""
        output = signature.output
        if not isinstance(event, Output) or not output.has_files:
            return event
        whole = output.items if output.is_iterator and output.items else output
        value, files = unpacked(whole, event.value, self._keep)
        return replace(event, json=json.dumps(value).encode(), files=files)

    def _keep(self, data: bytes, suffix: str) -> str:
        path = self.folder / f"{uuid.uuid4().hex}{suffix}"
        path.write_bytes(data)
        return path.as_uri()


@contextmanager
def started(
    found: Found, launch: Launch, console: Console, plain: Plain | None = None
) -> Iterator[Session]:
    """A container of an image, whose model still sets up; what it writes goes to standard error.

    ``plain`` leaves of what Cog's server writes the author's words. Raises DockerError, and
    SetupFailed when it ended at once.
    """

    def on_log(log: Log) -> None:
        for one in plain.take(log) if plain else (log,):
            write_log(console, one)

    console.note(f"Starting Docker image {found.name} and running setup()")
    with (
        tempfile.TemporaryDirectory(prefix="cogsmith-") as folder,
        running(found.engine, launch, on_log=on_log, tell=console.note) as container,
    ):
        yield Session(container=container, folder=Path(folder), silent=plain is not None)


def _ended(container: Container, error: WorkerCrashed) -> WorkerCrashed:
    """How the container ended, if that is why its server is gone."""
    code = container.wait(GONE)
    if code is None:
        return error
    hint = "was there enough memory?" if code == OUT_OF_MEMORY else ""
    return WorkerCrashed(f"the container ended with exit code {code}", hint=hint)


def _read(url: str) -> bytes:
    path = Path(unquote(urlsplit(url).path))
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise UsageError(message) from error
