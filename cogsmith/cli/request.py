"""What a build is asked for, checked before any work: everything that is wrong, at once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Literal, TypeVar

from cogsmith.cli.console import Console
from cogsmith.cli.local import signature_of
from cogsmith.cli.managed_weights import ManagedWeights, managed_weights
from cogsmith.cli.naming import references_of
from cogsmith.config import Loaded
from cogsmith.environment import ImageTarget, Target
from cogsmith.errors import CogsmithError, ConfigError, Problem, UsageError
from cogsmith.image import DockerSettings, refusals
from cogsmith.oci import EPOCH, Digest, Platform, Reference
from cogsmith.signature import load as load_signature
from cogsmith.signature import openapi
from cogsmith.values import dataclass

__all__ = ["Request", "base_of", "checked", "minor_of"]

DEFAULT_PLATFORM = "linux/amd64"
NATIVE = "native"

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One build: of which model, under which names, for which machines, from what.

    ``schema`` is the model's OpenAPI document, ``base`` the image to begin with. ``mtime`` is
    the time of all files, in seconds. ``anew``: known layers are made again; ``pull``: the
    registry is asked what the base image's tag means today. ``base_digest`` and ``compiler`` are
    the base and the release of Python to take where the lock pins none. ``docker`` says how
    commands are run in the image; None: none are. ``weights`` are those that the image expects
    beside it; None: the config declares none.
    """

    loaded: Loaded
    references: tuple[Reference, ...]
    schema: Mapping[str, Any] = field(repr=False)
    base: Reference
    platforms: tuple[str, ...] = (DEFAULT_PLATFORM,)
    accelerator: Literal["cpu", "cuda"] | None = None
    mtime: int = EPOCH
    separate: bool = True
    anew: bool = False
    pull: bool = False
    locked: bool = False
    base_digest: Digest | None = None
    compiler: str = ""
    docker: DockerSettings | None = None
    weights: ManagedWeights | None = None

    @property
    def python(self) -> str:
        """The minor version of the model's Python."""
        return minor_of(self.loaded)


def checked(
    loaded: Loaded, tags: tuple[str, ...], console: Console, asked: Mapping[str, Any]
) -> Request:
    """The request that the options ask for; ``asked`` is what ``options.of_builds`` gave.

    Raises one error with all that is wrong: in the config, in the predictor's source, in the
    names, and with what this builder cannot do.
    """
    found = _Findings()
    references = found.of(lambda: references_of(tags, loaded))
    platforms = found.of(lambda: _platforms(asked["platforms"], loaded))
    base = found.of(lambda: base_of(asked["base"], loaded))
    schema = found.of(lambda: _schema(loaded, asked["schema"], console))
    docker = found.of(lambda: _docker(loaded, console, asked))
    weights = found.of(lambda: managed_weights(loaded))
    if asked["builder"] in (None, NATIVE):
        found.of(lambda: _refuse(loaded))
    found.end()
    assert references
    assert platforms
    assert base
    assert schema is not None
    timestamp = asked["timestamp"]
    return Request(
        loaded=loaded, references=references, schema=schema, base=base, platforms=platforms,
        accelerator=asked["accelerator"],
        mtime=EPOCH if timestamp is None or timestamp < 0 else timestamp,
        separate=True, anew=asked["no_cache"], pull=asked["pull"],
        locked=asked["locked"], docker=docker, weights=weights,
    )  # fmt: skip


class _Findings:
    """Tries one thing after the other and remembers all that is wrong."""

    def __init__(self) -> None:
        self.errors: list[CogsmithError] = []

    def of(self, action: Callable[[], Answer]) -> Answer | None:
        """What an action answers; None when it fails."""
        try:
            return action()
        except CogsmithError as error:
            self.errors.append(error)
            return None

    def end(self) -> None:
        """Raise what was found: one error as it is, several as one."""
        if len(self.errors) == 1:
            raise self.errors[0]
        if self.errors:
            kind = (
                UsageError
                if any(isinstance(e, UsageError) for e in self.errors)
                else (CogsmithError)
            )
            raise kind([problem for error in self.errors for problem in error.problems])


def minor_of(loaded: Loaded) -> str:
    """The minor version of a config's Python: "3.11"."""
    return ".".join(loaded.config.build.python_version.split(".")[:2])


def _platforms(words: tuple[str, ...], loaded: Loaded) -> tuple[str, ...]:
    """Each once, in the words of the spec; commas are Docker's way of giving several.

    Raises UsageError for one that no image is made for.
    """
    named = [part for word in words for part in word.split(",") if part] or [DEFAULT_PLATFORM]
    platforms = tuple(dict.fromkeys(str(Platform.parse(name)) for name in named))
    for platform in platforms:
        Target.image(loaded.config, ImageTarget(platform=platform))
    return platforms


def base_of(named: str | None, loaded: Loaded) -> Reference:
    """The base image: as told, else the official one of the model's Python."""
    return Reference.parse(named or f"python:{minor_of(loaded)}-slim")


def _docker(
    loaded: Loaded, console: Console, asked: Mapping[str, Any]
) -> DockerSettings | None:  # fmt: skip
    """How commands are run in the image; None when none are."""
    builder, secrets = asked["builder"], asked.get("secrets", ())
    if builder in (None, NATIVE):
        if secrets:
            console.note("--secret has no effect: without --builder docker nothing is run")
        return None
    return DockerSettings.of(
        builder, secrets, os.environ, network=asked.get("network") or "",
        anew=asked["no_cache"], file=loaded.path.name,
    )  # fmt: skip


def _refuse(loaded: Loaded) -> None:
    problems = refusals(loaded.config, file=loaded.path.name)
    if problems:
        raise ConfigError(problems)


def _schema(loaded: Loaded, file: str | None, console: Console) -> Mapping[str, Any]:
    """The model's OpenAPI document, from its source or from a file."""
    if file is not None:
        return _read(Path(file))
    signature = signature_of(loaded, console)
    train = loaded.config.train
    trained = load_signature(loaded.path.parent, train, train=True) if train else None
    document: dict[str, Any] = openapi(signature, train=trained)
    return document


def _read(path: Path) -> Mapping[str, Any]:
    hint = "cogsmith schema -o FILE writes one"
    try:
        document = json.loads(path.expanduser().read_bytes())
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"--openapi-schema: {reason}", where=str(path), hint=hint) from error
    except ValueError as error:
        message = f"--openapi-schema: this is not JSON: {error}"
        raise UsageError(message, where=str(path), hint=hint) from error
    if not isinstance(document, dict) or "openapi" not in document:
        message = "--openapi-schema: this is not an OpenAPI document"
        raise UsageError([Problem(message, str(path), hint)])
    return document
