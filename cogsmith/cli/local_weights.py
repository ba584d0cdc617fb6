"""Managed weights of a model that runs on this machine: where its code looks for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cogsmith.cli.environment import settings
from cogsmith.config import Loaded

__all__ = ["weights_in_place"]


@contextmanager
def weights_in_place(loaded: Loaded) -> Iterator[None]:
    """A model's managed weights under the project's folder, as under /src in a container.

    A model that declares none costs nothing. Raises WeightsStale when weights.lock does not answer
    the config, and WeightsError for files that are not here: ``cogsmith weights pull`` brings them.
    """
    if not loaded.config.weights:
        yield
        return
    from cogsmith.weights import (  # registries and layers: for models with weights alone
        Settings,
        Store,
        linked,
        load_lock,
        local_links,
        lock_path,
        require,
        wanted,
    )

    declared = tuple(map(wanted, loaded.config.weights))
    lock = require(load_lock(lock_path(loaded.path)), declared)
    store = Store(Settings.of(os.environ, cache=settings().cache, home=Path.home()).store)
    with linked(local_links(lock.weights, loaded.path.parent.resolve()), store):
        yield
