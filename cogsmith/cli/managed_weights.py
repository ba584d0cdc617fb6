"""Managed weights in a build and in a push: what the image says of them, and the index of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from cogsmith.config import Loaded
from cogsmith.errors import Problem, WeightsError
from cogsmith.oci import Descriptor, Digest, Index, Reference
from cogsmith.registry import Client
from cogsmith.values import dataclass
from cogsmith.weights import (
    FolderSource,
    Wanted,
    WeightsLock,
    index_entry,
    load_lock,
    local_links,
    lock_path,
    require,
    tag,
    wanted,
)

__all__ = ["ManagedWeights", "managed_weights"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedWeights:
    """The weights that a model's image expects.

    ``folders`` are the folders of the project that stay out of the image: where weights come
    from, and where a run puts them.
    """

    lock: WeightsLock
    folders: tuple[str, ...]

    def index(self, registry: Client, repository: Reference, images: Sequence[Descriptor]) -> Index:
        """The index of images and weights, which are in the repository already.

        Raises WeightsError with all weights that are not there, or are others.
        """
        found: list[Descriptor] = []
        problems: list[Problem] = []
        for weight in self.lock.weights:
            place = repository.with_tag(tag(weight))
            there = registry.find(place)
            if there is None:
                message = f'weight "{weight.name}" not found in registry'
                hint = f"run: cogsmith weights import --image {repository.name}"
                problems.append(Problem(message, str(place), hint))
                continue
            try:
                found.append(index_entry(weight, there))
            except WeightsError as error:
                problems += error.problems
        if problems:
            raise WeightsError(problems)
        return Index(manifests=(*images, *found))

    def table(self, reference: Reference, images: Sequence[Digest]) -> Iterator[str]:
        """What was pushed where, a line for each: Cog's words and columns."""
        yield f"model   {reference}"
        for image in images:
            yield f"image   {reference.name}@{image}"
        width = max((len(weight.name) for weight in self.lock.weights), default=0)
        for weight in self.lock.weights:
            place = reference.with_tag(tag(weight))
            yield f"weight  {weight.name:<{width}}  {place}"


def managed_weights(loaded: Loaded) -> ManagedWeights | None:
    """The weights of a config, None when it declares none.

    Raises WeightsStale when weights.lock does not answer the config, WeightsError.
    """
    declared = tuple(map(wanted, loaded.config.weights))
    path = lock_path(loaded.path)
    if not declared:
        return None
    lock = require(load_lock(path), declared)
    project = loaded.path.parent.resolve()
    return ManagedWeights(lock=lock, folders=tuple(_folders(lock, declared, project)))


def _folders(lock: WeightsLock, declared: Sequence[Wanted], project: Path) -> Iterator[str]:
    """Folders of weights inside the project, from its own folder on."""
    places = [project / one.source.path for one in declared if isinstance(one.source, FolderSource)]
    places += [link.place for link in local_links(lock.weights, project) if link.inside]
    for place in places:
        if place.is_relative_to(project) and place != project:
            yield str(PurePosixPath(place.relative_to(project)))
