"""``cogsmith push`` when there may be much to do: all the rooms that it takes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from cogsmith.cli.ahead import Ahead
from cogsmith.cli.building import build
from cogsmith.cli.console import Console
from cogsmith.cli.local import choose
from cogsmith.cli.naming import name_of, named_config
from cogsmith.cli.outcome import Outcome
from cogsmith.cli.progress import showing
from cogsmith.cli.pushing import Sources, push_all
from cogsmith.cli.request import checked
from cogsmith.cli.store import open_store
from cogsmith.cli.transfers import client
from cogsmith.cli.unchanged import Note
from cogsmith.cli.whole_build import ground_of
from cogsmith.config import Loaded
from cogsmith.errors import ConfigError, UsageError
from cogsmith.oci import DOCKER_HUB, Reference

__all__ = ["whole_push"]


def whole_push(
    image: str | None, file: str | None, tags: tuple[str, ...], console: Console,
    asked: Mapping[str, Any], note: Note, *, attest: bool,
) -> str:  # fmt: skip
    """Build, push, and leave a note for the next time; the digest."""
    begun = time.time_ns()
    loaded, tags = _target(image, file, tags)
    request = checked(loaded, tags, console, asked)
    _check_places(request.references)
    store = open_store()
    # The session: until it is pushed, no prune takes a layer away.
    with showing(console) as display, store.session(), client() as registry:
        first = request.references[0]
        with Ahead(registry, first, Sources(store, first).one, display) as ahead:
            built = build(request, store, display, ahead.take)
        outcome = Outcome.of(built)
        digest = push_all(outcome, store, display, registry, attest=attest, ahead=ahead)
    ground = ground_of(built, asked)
    if ground is not None:
        ground.pushed(note, outcome, begun, store)
    return digest


def _target(
    image: str | None, file: str | None, tags: tuple[str, ...]
) -> tuple[Loaded, tuple[str, ...]]:
    """The model, and the names that its image gets in registries. Raises UsageError."""
    loaded = named_config(image, file) if image and not file else None
    if loaded is None:
        loaded = choose(None, file)
        tags = (*tags, image) if image else tags
    if not tags and not loaded.config.image:
        name = name_of(loaded).repository.rpartition("/")[2]
        raise ConfigError(
            "where the image goes is not known", where=f"{loaded.path.name}: image",
            hint=f'add   image: "registry.example.com/you/{name}"   or name it: '
            f"cogsmith push registry.example.com/you/{name}",
        )  # fmt: skip
    return loaded, tags


def _check_places(references: Iterable[Reference]) -> None:
    """Raise UsageError for a short name: it would be one of Docker's own official images."""
    for reference in references:
        if reference.registry == DOCKER_HUB and reference.repository.startswith("library/"):
            short = reference.familiar
            raise UsageError(
                f"{short!r} says neither a registry nor an owner, and is no model of this folder",
                hint=f"write registry.example.com/you/{short}, or you/{short} for Docker Hub",
            )
