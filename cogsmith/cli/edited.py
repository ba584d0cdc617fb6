"""The short road of a build after an edit: the last image with the project's files of now.

Base, packages and server are those of the last image; config, lock and requirements are not even
read. What comes out is bit for bit what the whole road makes. Whatever goes wrong here goes wrong
on the whole road as well, which says it in its words: so all that fails here is a None.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cogsmith.cli.checkout import read_checkout
from cogsmith.cli.outcome import Ground, Outcome
from cogsmith.cli.progress import Display, showing
from cogsmith.cli.store import open_store
from cogsmith.cli.transfers import titles
from cogsmith.errors import CogsmithError, Problem
from cogsmith.image import (
    Delivery,
    LayerProgress,
    Store,
    User,
    carried,
    project_recipes,
    survey,
    with_project,
)
from cogsmith.oci import Artifact, Descriptor, Digest, Image, Layer, Reference
from cogsmith.signature import load, openapi

if TYPE_CHECKING:
    from cogsmith.cli.console import Console
    from cogsmith.cli.report import Report
    from cogsmith.cli.unchanged import Note, Told
    from cogsmith.image import Recipe

__all__ = ["edited_build", "edited_push", "rebuilt"]


def edited_build(
    told: Told, note: Note, console: Console, begun: int, *, wanted: bool | None
) -> Report | None:
    """As ``whole_build``; None where the whole road is to be gone."""
    from cogsmith.cli.delivery import deliver  # a push needs none of these
    from cogsmith.cli.report import Report

    store = open_store()
    with store.session(), showing(console) as display:
        outcome = rebuilt(told, store, display)
        if outcome is None:
            return None
        delivered = deliver(outcome, None, None, wanted=wanted, display=display)
    past = Report.unchanged(told.report, outcome.seconds)
    report = replace(
        past, digest=str(outcome.digest), layers=len(outcome.images[0].layers),
        made=len(outcome.fresh), made_size=sum(layer.size for layer in outcome.fresh),
        size=outcome.size, engine=delivered.kind, sent=delivered.sent.size,
    )  # fmt: skip
    ground = Ground.read(told.document["ground"])
    ground.built(note, outcome, report.document(), begun, delivered.address, store)
    return report


def edited_push(
    told: Told, note: Note, console: Console, begun: int, *, attest: bool
) -> str | None:
    """As ``whole_push``; None where the whole road is to be gone."""
    from cogsmith.cli.ahead import Ahead  # a build needs no registry, and no HTTP
    from cogsmith.cli.pushing import Sources, push_all
    from cogsmith.cli.transfers import client

    store, first = open_store(), _first(told)
    if first is None:
        return None
    with store.session(), showing(console) as display, client() as registry:
        with Ahead(registry, first, Sources(store, first).one, display) as ahead:
            outcome = rebuilt(told, store, display, ahead.take)
        if outcome is None:
            return None
        push_all(outcome, store, display, registry, attest=attest, ahead=ahead)
    Ground.read(told.document["ground"]).pushed(note, outcome, begun, store)
    return str(outcome.digest)


def _first(told: Told) -> Reference | None:
    """The first of the names; None, where a note is not as we write them."""
    try:
        return Reference.parse(told.document["references"][0])
    except (CogsmithError, LookupError, TypeError, AttributeError):
        return None


def rebuilt(
    told: Told, store: Store, display: Display, ready: Callable[[Recipe, Layer], None] | None = None
) -> Outcome | None:
    """Make the image that a note tells of with the code of today, and name it; None: it cannot be.

    ``ready`` gets each new layer as soon as it is there. Interrupted at any moment, the names
    mean what they meant before.
    """
    try:
        ground = Ground.read(told.document["ground"])
        names = tuple(map(Reference.parse, told.document["references"]))
        with store.session():
            return _Edit(ground, store, display, ready).outcome(names)
    except (CogsmithError, KeyError, TypeError, ValueError, AttributeError):
        return None


class _Edit:
    """The last image and what it was asked to be."""

    def __init__(
        self,
        ground: Ground,
        store: Store,
        display: Display,
        ready: Callable[[Recipe, Layer], None] | None,
    ) -> None:
        self.ready = ready
        self.begun, self.display = time.monotonic(), display
        self.project, self.code, self.store = ground.project, ground.code, store
        self.last = store.layout.image(_entry(ground.code["entry"]))
        self.fresh: list[Layer] = []

    def outcome(self, names: tuple[Reference, ...]) -> Outcome:
        """The image under its names."""
        schema, warnings = self._schema()
        recipes = project_recipes(survey(self.project, self.store), schema, self._delivery())
        layers = [self._layer(recipe) for recipe in recipes]
        image = with_project(
            self.last, self.code["below"], list(zip(recipes, layers, strict=True)), schema
        )
        attached = self._attached(image)
        past = {self.last.digest: [_entry(one).digest for one in self.code["attached"]]}
        parts: list[tuple[Image | Artifact, Reference | None]] = [(image, name) for name in names]
        parts += [(artifact, None) for artifact in attached]
        entry, *_ = self.store.layout.add_all(parts, past)
        for warning in warnings:
            self.display.console.warning(warning)
        named = {layer.digest: r.title for r, layer in zip(recipes, layers, strict=True)}
        reference, count = self.code["base"]
        return Outcome(
            references=names, digest=entry.digest, images=(image,), fresh=tuple(self.fresh),
            titles=titles(image) | named,
            bases={reference: tuple(layer.digest for layer in image.layers[:count])},
            attached=attached, seconds=time.monotonic() - self.begun,
        )  # fmt: skip

    def _schema(self) -> tuple[Mapping[str, Any], tuple[Problem, ...]]:
        """The OpenAPI document of the source, and what there is to be said of it."""
        signature = load(self.project, self.code["predict"])
        train = self.code["train"]
        trained = load(self.project, train, train=True) if train else None
        said = tuple(Problem(*words) for words in self.code["warnings"])
        return openapi(signature, train=trained), (*said, *signature.warnings)

    def _delivery(self) -> Delivery:
        code = self.code
        return Delivery(
            user=User(named="", uid=code["uid"], gid=code["gid"], home=""),
            budget=code["budget"], separate=code["separate"], mtime=code["mtime"],
        )  # fmt: skip

    def _layer(self, recipe: Recipe) -> Layer:
        known = self.store.known(recipe)
        if known is not None:
            return known
        hear, size = self.display.layer, recipe.size
        made = self.store.make(recipe, hear)
        hear(LayerProgress(title=recipe.title, state="made", done=size, total=size))
        self.fresh.append(made)
        if self.ready:
            self.ready(recipe, made)
        return made

    def _attached(self, image: Image) -> tuple[Artifact, ...]:
        """SBOM and provenance, to be kept beside the image."""
        past = map(_entry, self.code["attached"])
        checkout = read_checkout(self.project)
        return carried(past, self.last.digest, image, checkout, self.store.layout)


def _entry(told: Mapping[str, Any]) -> Descriptor:
    """A manifest, as a note names it."""
    return Descriptor(
        media_type=told["mediaType"], digest=Digest.parse(told["digest"]), size=told["size"]
    )
