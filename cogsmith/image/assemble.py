"""A plan becomes an image: layers that are known cost a look, the others are made at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import Literal

from cogsmith.errors import OciError
from cogsmith.image.plan import Plan
from cogsmith.image.progress import LayerProgress, Tell, silent
from cogsmith.image.recipe import Recipe
from cogsmith.image.store import Store
from cogsmith.oci import History, Image, Layer

__all__ = ["Made", "assemble"]

Made = Callable[[Recipe, Layer], None]


def assemble(
    plan: Plan, store: Store, tell: Tell = silent, made: Made = lambda _recipe, _layer: None
) -> Image:
    """The image of a plan; layers that the store lacks are made, several at a time.

    ``tell`` is called from one thread at a time. ``made`` gets each layer that was made, in this
    thread, as soon as it is in the store. Hold the store's session until the image is
    named. The first layer that cannot be made ends the others, and its error is raised; so does
    Ctrl-C. Nothing half-made is ever used.
    """
    with store.session():
        layers = _Work(store, tell, made).layers(plan.recipes)
    history = [
        History(created=plan.created, created_by=recipe.created_by, comment="cogsmith")
        for recipe in plan.recipes
    ]
    whole = plan.base.image.append(layers, history)
    config = replace(whole.config, config=plan.container, created=plan.created, author="", extra={})
    return Image.of(config, whole.layers, annotations=plan.annotations)


class _Stopped(OciError):
    """Another layer failed, or somebody pressed Ctrl-C."""


class _Work:
    """The making of layers, by as many threads as there are processors."""

    def __init__(self, store: Store, tell: Tell, made: Made) -> None:
        self.store, self._tell, self._ready = store, tell, made
        self._speaking = threading.Lock()
        self._stop = threading.Event()

    def layers(self, recipes: Sequence[Recipe]) -> list[Layer]:
        """The layers of these recipes, in their order."""
        known = {recipe.key: self._known(recipe) for recipe in recipes}
        found = {key: layer for key, layer in known.items() if layer is not None}
        missing = {recipe.key: recipe for recipe in recipes if recipe.key not in found}
        found.update(self._made(list(missing.values())))
        return [found[recipe.key] for recipe in recipes]

    def _known(self, recipe: Recipe) -> Layer | None:
        layer = self.store.known(recipe)
        if layer is not None:
            self.tell(_word(recipe, "known"))
        return layer

    def _made(self, recipes: list[Recipe]) -> dict[str, Layer]:
        """The large ones first: the last to end is then a small one."""
        if not recipes:
            return {}
        ordered = sorted(recipes, key=lambda recipe: -recipe.size)
        pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="cogsmith-layer")
        try:
            underway = {pool.submit(self.store.make, r, self.tell): r for r in ordered}
            return dict(self._taken(future, underway[future]) for future in as_completed(underway))
        finally:
            self._stop.set()
            pool.shutdown(wait=True, cancel_futures=True)

    def _taken(self, future: Future[Layer], recipe: Recipe) -> tuple[str, Layer]:
        layer = future.result()
        self.tell(_word(recipe, "made"))
        self._ready(recipe, layer)
        return recipe.key, layer

    def tell(self, word: LayerProgress) -> None:
        """Pass a word on, one at a time; ends the layer at hand when all is to end."""
        if self._stop.is_set():
            raise _Stopped("the build was ended")
        with self._speaking:
            self._tell(word)


def _word(recipe: Recipe, state: Literal["known", "made"]) -> LayerProgress:
    size = recipe.size
    return LayerProgress(title=recipe.title, state=state, done=size, total=size)
