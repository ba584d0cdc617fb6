"""From a request to an image in the store: the road of ``build``, ``push`` and ``verify``.

Base, environment, wheels, layers, plan, image: each step is another room's; here they are put in
a row. Nothing is named before all of it is there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import field
from functools import partial
from typing import Any

from cogsmith import __version__
from cogsmith.cli.base_image import base_image
from cogsmith.cli.checkout import read_checkout
from cogsmith.cli.environment import settings
from cogsmith.cli.naming import name_of
from cogsmith.cli.pins import Pins
from cogsmith.cli.progress import Display
from cogsmith.cli.request import Request
from cogsmith.cli.steps import Steps
from cogsmith.config import Loaded
from cogsmith.environment import (
    ImageTarget,
    Source,
    Wheel,
    fetch_wheels,
    image_source,
    pinned_source,
)
from cogsmith.errors import InstallError
from cogsmith.image import (
    SERVER_FOLDER,
    SERVER_PACKAGES,
    Base,
    BaseImage,
    Claims,
    Debs,
    DebSettings,
    Delivery,
    Folder,
    Ingredients,
    Invocation,
    LayerProgress,
    Materials,
    Plan,
    Recipe,
    Store,
    Venv,
    assemble,
    attachments,
    budget_of,
    bytecode_recipes,
    claims,
    conflicts,
    deb_recipes,
    distribution_of,
    interpreter_of,
    key_of,
    managed_recipe,
    plan,
    project_recipes,
    release_of,
    server_recipes,
    server_wheel,
    survey,
    user_of,
    wheel_recipes,
    wheels_key,
)
from cogsmith.oci import Artifact, Blob, Descriptor, Digest, Image, Index, Layer, recipe
from cogsmith.values import dataclass

__all__ = ["COMPILER", "Built", "Made", "build", "make"]

Ready = Callable[[Recipe, Layer], None]
COMPILER = "run.cogsmith.compiler"  # the release of Python that made the byte code


def _unheard(recipe: Recipe, layer: Layer) -> None:
    """Nobody waits for single layers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The image of one platform, with what it was made of.

    ``known`` are the layers above the base that an earlier build had made, ``fresh`` those that
    this one made.
    """

    image: Image
    plan: Plan
    invocation: Invocation
    known: tuple[Layer, ...]
    fresh: tuple[Layer, ...]
    materials: Callable[[], Materials] = field(repr=False, compare=False)

    @property
    def titles(self) -> dict[Digest, str]:
        """What each blob is called."""
        below = len(self.base.image.layers)
        names = [f"base image, layer {number + 1}" for number in range(below)]
        names += [recipe.title for recipe in self.plan.recipes]
        layers = (layer.digest for layer in self.image.layers)
        config = {self.image.manifest.config.digest: "config"}
        return dict(zip(layers, names, strict=True)) | config

    @property
    def base(self) -> Base:
        """What it begins with."""
        return self.plan.base


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a build has put into the store: one image, or an index of one for each platform.

    ``attached`` are the SBOM and the provenance of each image.
    """

    request: Request
    entry: Descriptor
    made: tuple[Made, ...]
    index: Index | None
    attached: tuple[Artifact, ...]
    seconds: float

    @property
    def digest(self) -> Digest:
        """What the names mean now."""
        return self.entry.digest

    @property
    def images(self) -> tuple[Image, ...]:
        """In the order of the platforms that were asked for."""
        return tuple(made.image for made in self.made)

    @property
    def fresh(self) -> tuple[Layer, ...]:
        """The layers that were made, each once."""
        layers = {layer.digest: layer for made in self.made for layer in made.fresh}
        return tuple(layers.values())

    @property
    def size(self) -> int:
        """The bytes of all blobs, each counted once."""
        return sum({b.digest: b.size for image in self.images for b in image.blobs}.values())


def build(request: Request, store: Store, display: Display, ready: Ready = _unheard) -> Built:
    """Make the image, or one for each platform, and name it in the store.

    ``ready`` gets each new layer as soon as it is there. Interrupted at any moment, the names
    mean what they meant before.
    """
    begun = time.monotonic()
    with store.session():  # no prune takes a layer away that is not named yet
        made = tuple(
            make(request, platform, store, display, ready) for platform in request.platforms
        )
        index = None
        if len(made) > 1:
            index = Index(manifests=tuple(one.image.descriptor for one in made))
        entry = _named(request, made, index, store)
        attached = tuple(artifact for one in made for artifact in _attached(one, store))
    return Built(
        request=request, entry=entry, made=made, index=index, attached=attached,
        seconds=time.monotonic() - begun,
    )  # fmt: skip


def make(
    request: Request, platform: str, store: Store, display: Display, ready: Ready = _unheard
) -> Made:
    """The image of one platform, its layers in the store; nothing is named."""
    loaded = request.loaded
    wanted = ImageTarget(platform=platform, accelerator=request.accelerator)
    source = image_source(loaded, settings(), wanted, locked=request.locked, tell=display.step)
    pins = Pins.of(request, source)
    told = _Told(display)
    steps = Steps.of(
        request, base_image(request, platform, pins, store, display), store, display, told
    )  # fmt: skip
    base = steps.base
    venv = Venv(python=request.python, interpreter=interpreter_of(base.system, request.python))
    parts = _Parts(
        request, source, base, venv, _Workshop(store, display, pins, platform, steps, told)
    )
    planned = plan(parts.ingredients())
    image = assemble(planned, _Anew.of(store) if request.anew else store, told, ready)
    layers = image.layers[len(base.image.layers) :]
    pairs = list(zip(planned.recipes, layers, strict=True))
    return Made(
        image=image,
        plan=planned,
        materials=parts.materials,
        invocation=_invocation(request, platform, source, base),
        known=tuple(layer for recipe, layer in pairs if recipe.title not in told.made),
        fresh=tuple(layer for recipe, layer in pairs if recipe.title in told.made),
    )


@dataclass(frozen=True, slots=True)
class _Workshop:
    """Where an image is made, for which platform, what the lock pins, and what Docker runs."""

    store: Store
    display: Display
    pins: Pins
    platform: str
    steps: Steps
    told: _Told


class _Parts:
    """What an image is put together from, gathered once for the plan and for the SBOM."""

    def __init__(
        self, request: Request, source: Source, base: Base, venv: Venv, workshop: _Workshop
    ) -> None:
        self.request, self.source, self.base, self.venv = request, source, base, venv
        self.store = store = workshop.store
        self.display = display = workshop.display
        self.pins, self.platform = workshop.pins, workshop.platform
        self.steps, self.told = workshop.steps, workshop.told
        self.compiler = self.pins.compiler(partial(release_of, base, venv), display.console)
        self.wheels = fetch_wheels(source, settings(), tell=display.step)
        self.tools = self.steps.tools(source, self.wheels, display)
        server = pinned_source(SERVER_PACKAGES, source.target, settings(), tell=display.step)
        fetched = fetch_wheels(server, settings(), tell=display.step)
        self.server = (server_wheel(store), *fetched)
        self.debs = self._debs()
        folders = request.weights.folders if request.weights else ()
        self.files = survey(request.loaded.path.parent, store, folders)

    def ingredients(self) -> Ingredients:
        """For the plan."""
        self._agree()
        request, lock = self.request, self.source.lock
        return Ingredients(
            config=request.loaded.config, schema=request.schema, base=self.base, venv=self.venv,
            recipes=self._recipes(), wheels=self.wheels, lock=lock.digest(),
            name=_model_name(request.loaded), mtime=request.mtime,
            labels={COMPILER: self.compiler.release} if self.compiler else {},
            variables=self.steps.variables,
        )  # fmt: skip

    def _agree(self) -> None:
        """Raise InstallError where two packages bring different files of one name.

        It takes half a second for a large environment, so the store remembers who agreed, and
        what each package claims.
        """
        name = key_of("agree", wheels_key(self.wheels, self.venv))
        if self.store.recall(name):
            return
        problems = conflicts(self.wheels, self.venv, self._claims)
        if problems:
            raise InstallError(problems)
        self.store.note(name, {"agree": True}, about=self.base.image.digest)

    def _claims(self, wheel: Wheel) -> Claims:
        name = key_of("claims", wheels_key((wheel,), self.venv))
        told = self.store.recall(name).get("claims")
        if isinstance(told, list):
            return frozenset(map(str, told))
        found = claims(wheel, self.venv)
        self.store.note(name, {"claims": sorted(found)}, about=self.base.image.digest)
        return found

    def materials(self) -> Materials:
        """For the SBOM and the provenance."""
        answered = self.source.lock.answers
        path = self.source.path
        return Materials(
            name=_model_name(self.request.loaded) or "model",
            base=BaseImage(reference=self.base.reference, digest=self.base.image.digest),
            python=self.venv.python,
            wheels=(*self.wheels, *self.tools),
            server=self.server,
            debs=self.steps.installed or self.debs.installed,
            distribution=distribution_of(self.steps.before.system),
            requirements=answered.texts if answered else (),
            lock_name=path.name,
            lock=Digest.of(path.read_bytes()) if path.exists() else None,
        )

    def _recipes(self) -> tuple[Recipe, ...]:
        budget, mtime = budget_of(self.base), self.request.mtime
        python = self.compiler.python if self.compiler else None
        delivery = Delivery(
            user=user_of(self.base, self.venv.interpreter), budget=budget.weights,
            separate=self.request.separate, mtime=mtime,
        )  # fmt: skip
        packages = (
            *self.debs.recipes,
            *wheel_recipes(self.wheels, self.venv, budget.wheel),
            *wheel_recipes(self.tools, self.venv, 1),
            *bytecode_recipes(self.wheels, self.venv, python, budget.bytecode),
        )
        return (
            *packages,
            *server_recipes(self.server, self._beside(), budget.server, python),
            *self._above(packages),
            *self._managed(),
            *project_recipes(self.files, self.request.schema, delivery),
        )

    def _managed(self) -> tuple[Recipe, ...]:
        """What the image says of weights that stand beside it."""
        weights = self.request.weights
        return (managed_recipe(weights.lock, self.request.mtime),) if weights else ()

    def _above(self, packages: tuple[Recipe, ...]) -> tuple[Recipe, ...]:
        """What commands do that are run when the packages are there. They see nothing else."""
        seen = Ingredients(
            config=self.request.loaded.config, schema={}, base=self.base, venv=self.venv,
            recipes=packages,
        )  # fmt: skip
        return self.steps.above(seen, self.store, self.told)

    def _beside(self) -> Folder:
        """Where the server's packages lie: beside our code, away from the model's."""
        return Folder(
            python=self.venv.python, interpreter=self.venv.interpreter, folder=SERVER_FOLDER
        )

    def _debs(self) -> Debs:
        if self.steps.docker is not None:
            return Debs(recipes=self.steps.below, installed=())
        asked = DebSettings.of(os.environ, cache=settings().cache, refresh=self.request.anew)
        packages = self.request.loaded.config.build.system_packages
        pinned = self.pins.debs(self.platform)
        debs = deb_recipes(packages, self.base.system, asked, self.display.layer, pinned)
        self.pins.keep_debs(self.platform, debs)
        for note in debs.notes:
            self.display.console.note(note)
        return debs


class _Told:
    """Passes on what is told of layers, and remembers which were made."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self.made: set[str] = set()

    def __call__(self, progress: LayerProgress) -> None:
        if progress.state == "made":
            self.made.add(progress.title)
        self._display.layer(progress)


class _Anew(Store):
    """A store that knows no layer yet: each is made again."""

    @classmethod
    def of(cls, store: Store) -> Store:
        """The same store, seen so."""
        return cls(store.folder, store.layout)

    def known(self, recipe: Recipe) -> Layer | None:  # noqa: ARG002
        """Nothing."""
        return None


def _named(request: Request, made: Sequence[Made], index: Index | None, store: Store) -> Descriptor:
    """Keep images (and index) and give them their names, the last step of all."""
    layout = store.layout
    if index is None:
        entries = [layout.add(made[0].image, reference) for reference in request.references]
        return entries[0]
    for one in made:
        manifest = one.image.manifest
        for blob in (*one.image.blobs, Blob.of(manifest.render(), manifest.media_type)):
            layout.write(blob)
    layout.write(Blob.of(index.render(), index.media_type))
    entries = [layout.name(index.descriptor, reference) for reference in request.references]
    return entries[0]


def _attached(made: Made, store: Store) -> tuple[Artifact, ...]:
    """SBOM and provenance, kept beside the image; those of an equal build are taken again."""
    asked = made.invocation
    name = key_of("attached", str(made.image.digest), repr(asked))
    known = store.recall(name).get("attached")
    entries = {str(e.digest): e for e in store.layout.referrers(made.image.digest)}
    if isinstance(known, list) and all(digest in entries for digest in known):
        return tuple(store.layout.artifact(entries[digest]) for digest in known)
    found = attachments(made.image, made.materials(), asked, store.layout)
    store.layout.add_all([(artifact, None) for artifact in found])
    digests = [str(artifact.digest) for artifact in found]
    store.note(name, {"attached": digests}, about=made.image.digest)
    return found


def _invocation(request: Request, platform: str, source: Source, base: Base) -> Invocation:
    flags: dict[str, Any] = {"timestamp": request.mtime}
    if request.separate:
        flags["separate-weights"] = True
    if request.docker is not None:
        flags["builder"] = request.docker.builder
    return Invocation(
        config=request.loaded.path.name,
        platform=platform,
        accelerator=source.target.accelerator,
        base=base.reference,
        flags=flags,
        checkout=read_checkout(request.loaded.path.parent),
        version=__version__,
        recipe=recipe("gzip"),
    )


def _model_name(loaded: Loaded) -> str:
    """What the model calls itself: no folder's name, which another machine would not have."""
    if loaded.name or not loaded.config.image:
        return loaded.name
    return name_of(loaded).repository.rpartition("/")[2]
