"""What ``cogsmith test`` tests: a model on this machine, a server, or an image in a container."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from typing import Any, Protocol

from cogsmith.cases import Local, Report, Served, Target, fetch_document, wait_until_ready
from cogsmith.cli import image_word
from cogsmith.cli.console import Console
from cogsmith.cli.environment import prepared
from cogsmith.cli.local import choose, signature_of
from cogsmith.cli.local_weights import weights_in_place
from cogsmith.config import Loaded
from cogsmith.contract import read
from cogsmith.errors import ContractError, UsageError
from cogsmith.prediction import Log
from cogsmith.runtime import WorkerSpec
from cogsmith.signature import Signature
from cogsmith.values import dataclass

__all__ = ["Subject", "Wanted", "subject"]

Play = Callable[[Target], Coroutine[Any, Any, Report]]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How the model is to be started, where it is not there already; times are in seconds."""

    console: Console
    environment: Mapping[str, str] = field(default_factory=dict)
    patience: float
    at_once: int = 1
    locked: bool = False


class Subject(Protocol):
    """A model that is tested; ``loaded`` is the project whose cases it is asked."""

    @property
    def loaded(self) -> Loaded | None:
        """None where no project is named."""

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""

    def run(self, play: Play) -> Report:
        """Play on it, once it is set up."""


@contextmanager
def subject(
    what: str | None, file: str | None, url: str | None, wanted: Wanted, *, project: bool
) -> Iterator[Subject]:
    """The model that words mean; ``project`` says whether one is needed for its cases.

    Raises UsageError, ConfigError, and what keeps a server or an image from being asked.
    """
    if url and not _is_url(url):
        raise UsageError(f"--target {url!r} is not the address of a server")
    if what and _is_url(what):
        if url:
            raise UsageError(f"both {what} and --target are given", hint="one of them is enough")
        yield _server(what, choose(None, file) if project or file else None, wanted)
    elif url:
        yield _server(url, choose(what, file) if project or what or file else None, wanted)
    elif image := image_word.image_named(what, file):
        with _image(image, choose(None, file) if project or file else None, wanted) as found:
            yield found
    else:
        loaded = choose(what, file)
        yield Here(loaded=loaded, signature=signature_of(loaded, wanted.console), wanted=wanted)


def _is_url(word: str) -> bool:
    return word.startswith(("http://", "https://"))


@dataclass(frozen=True, kw_only=True)
class Here:
    """A model of this repository, in an environment made from its lock."""

    loaded: Loaded
    signature: Signature
    wanted: Wanted

    def run(self, play: Play) -> Report:
        """Set it up once, and play."""
        home = prepared(self.loaded, self.wanted.console, locked=self.wanted.locked)
        variables = {**home.variables, **self.loaded.config.variables()}
        spec = WorkerSpec(
            python=home.python, project=self.loaded.path.parent, reference="",
            environment={**variables, **self.wanted.environment},
            weights=os.environ.get("COG_WEIGHTS"), setup_timeout=self.wanted.patience,
        ).calling(self.signature)  # fmt: skip
        self.wanted.console.note("Starting the worker and running setup()")
        with weights_in_place(self.loaded):
            return asyncio.run(self._run(spec, play))

    async def _run(self, spec: WorkerSpec, play: Play) -> Report:
        at_once = self.wanted.at_once
        async with Local(spec, self.signature, count=at_once, on_log=self._log) as target:
            return await play(target)

    def _log(self, log: Log) -> None:
        self.wanted.console.stream.write(log.text)
        self.wanted.console.stream.flush()


@dataclass(frozen=True, kw_only=True)
class There:
    """A server that is ready, whoever has started it."""

    loaded: Loaded | None
    served: Served

    @property
    def signature(self) -> Signature:
        """What its document says."""
        return self.served.signature

    def run(self, play: Play) -> Report:
        """Play on it."""
        return asyncio.run(play(self.served))


def _server(url: str, loaded: Loaded | None, wanted: Wanted) -> There:
    keys = os.environ.get("COGSMITH_API_KEY", "").replace(",", " ").split()
    key = keys[0] if keys else ""
    wait_until_ready(url, wanted.patience, key)
    contract = read(fetch_document(url, key), where=url)
    if contract.predict is None:
        raise ContractError("it only trains: there are no predictions to test", where=url)
    return There(loaded=loaded, served=Served(url=url, signature=contract.predict, key=key))


@contextmanager
def _image(image: str, loaded: Loaded | None, wanted: Wanted) -> Iterator[There]:
    """An image in a container, which is gone at the end."""
    from cogsmith.cli import containers  # an engine is asked only where an image is meant

    with containers.an_engine() as engine:
        found = containers.find_image(image, engine, wanted.console)
        alone = containers.ALONE if found.packaged.ours else {}
        launch = containers.launch_of(found, {**alone, **wanted.environment}, image_word.gpus())
        begun = time.monotonic()
        with containers.started(found, launch, wanted.console) as session:
            session.container.ready(wanted.patience)
            served = Served(
                url=session.container.url, setup=time.monotonic() - begun,
                signature=found.signature() or session.signature(), where=image,
            )  # fmt: skip
            yield There(loaded=loaded, served=served)
