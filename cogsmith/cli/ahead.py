"""Layers that go to the registry while others are still made: a push that begins with the build.

Where the network is the narrow place, a first push takes as long as the longer of the two; and
who may not push hears it in the first seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from cogsmith.cli.progress import Display
from cogsmith.image import Recipe
from cogsmith.oci import Digest, Layer, Reference
from cogsmith.registry import Client

__all__ = ["Ahead"]

LANES = 2  # the build needs the machine more


class Ahead:
    """Use it in a ``with``, around the build; in the end all that was taken is there.

    The first failure ends the build: ``take`` raises it, or else the end. When the build fails,
    what is under way is given up.
    """

    def __init__(
        self,
        registry: Client,
        reference: Reference,
        source_of: Callable[[Digest], str],
        display: Display,
    ) -> None:
        self._registry, self._reference = registry, reference
        self._source_of = source_of
        self._titles: dict[Digest, str] = {}
        self._hear = display.blobs("Pushing", "Pushed", self._titles)
        self._pool = ThreadPoolExecutor(LANES, thread_name_prefix="ahead")
        self._all: list[Future[object]] = []
        self._lock = threading.Lock()
        self.begun: float | None = None  # when the first layer was taken
        self.there: set[Digest] = set()
        self.sent: dict[Digest, int] = {}

    def __enter__(self) -> Ahead:  # noqa: PYI034 - Self is of Python 3.11
        # Who we are is settled meanwhile, and a connection is there when it is needed.
        self._all.append(self._pool.submit(self._registry.find, self._reference, to_push=True))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        try:
            if error is None:
                for one in self._all:
                    one.result()
        except BaseException:
            self._give_up()
            raise
        if error is not None:
            self._give_up()
        self._pool.shutdown(wait=True)

    def take(self, recipe: Recipe, layer: Layer) -> None:
        """One more layer. Raises RegistryError when one before it could not be brought."""
        for one in self._all:
            if one.done():
                one.result()
        if self.begun is None:
            self.begun = time.monotonic()
        self._titles[layer.digest] = recipe.title
        self._all.append(self._pool.submit(self._bring, layer))

    def _bring(self, layer: Layer) -> None:
        source = self._source_of(layer.digest)
        travelled = self._registry.bring(self._reference, layer, source, self._hear)
        with self._lock:
            self.there.add(layer.digest)
            if travelled:
                self.sent[layer.digest] = layer.size

    def _give_up(self) -> None:
        self._registry.halt()
        self._pool.shutdown(wait=True, cancel_futures=True)
