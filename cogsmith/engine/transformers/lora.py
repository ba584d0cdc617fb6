"""Adapters in a running model: what each adds to its layers, for its own requests' tokens alone.

The base stays as it is. A layer that some adapter changes gets a hook; in a step with adapters
it adds ``B(A(x))`` to the rows of each adapter's tokens, all of them at once. A row without an
adapter is not touched, and neither is a step without one.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from cogsmith.engine.adapters import CONFIG, WEIGHTS, Adapter, AdapterFiles
from cogsmith.engine.transformers.failures import STEP_FAILURES
from cogsmith.errors import AdapterError

__all__ = ["Deltas", "Part", "Seams", "Shelf"]

# Layers with a number, whose rows are the step's tokens. Experts get the rows of some tokens,
# in an order of their own; the head gets those whose logits are wanted.
_ADAPTABLE = re.compile(r"(?!.*\.experts\.).*\.\d+\..+")

_KNOWN = 256  # paths

Matrices = tuple[torch.Tensor, torch.Tensor]
"""``A`` and ``B`` of a layer, transposed for rows of tokens, the scaling in ``B``."""


@dataclass(frozen=True, slots=True, eq=False)
class Deltas:
    """An adapter on the model's devices; ``key`` names its content."""

    key: str
    layers: Mapping[str, Matrices] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Part:
    """An adapter, and the places of its tokens in the step; None is all of them."""

    deltas: Deltas
    places: torch.Tensor | None = None


class Seams:
    """Where adapters join a model. `use` belongs to the thread that runs the model."""

    def __init__(self, model: Any) -> None:
        """Look at the model; it is changed only when an adapter is used."""
        self._modules: dict[str, Any] = {
            name: module
            for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear) and _ADAPTABLE.fullmatch(name)
        }
        self._hooked: set[str] = set()
        self._parts: Sequence[Part] = ()

    def place(self, files: AdapterFiles) -> Deltas:
        """An adapter, checked against this model and brought to its devices; from any thread.

        Raises AdapterError where it does not fit.
        """
        adapter = Adapter.parse(files)
        shapes = {name: tuple(one.weight.shape) for name, one in self._modules.items()}
        adapter.check(shapes)
        try:
            return Deltas(files.digest, self._matrices(adapter, files))
        except STEP_FAILURES as problem:
            raise AdapterError(
                f"cannot be loaded: {problem}", where=files.where, hint="get it again"
            ) from None

    @contextlib.contextmanager
    def use(self, parts: Sequence[Part]) -> Iterator[None]:
        """Let these adapters add to the forward pass within."""
        for part in parts:
            for name in part.deltas.layers.keys() - self._hooked:
                self._modules[name].register_forward_hook(partial(self._add, name))
                self._hooked.add(name)
        self._parts = parts
        try:
            yield
        finally:
            self._parts = ()

    def _matrices(self, adapter: Adapter, files: AdapterFiles) -> dict[str, Matrices]:
        from safetensors.torch import load

        found: dict[str, Matrices] = {}
        stored = load(files.weights)
        for name in adapter.layers:
            like = self._modules[name].weight
            key = f"base_model.model.{name}.lora_"
            a, b = stored[f"{key}A.weight"], stored[f"{key}B.weight"].float() * adapter.scaling
            if not (torch.isfinite(a).all() and torch.isfinite(b).all()):
                raise ValueError(f"{name} has values that are no numbers")
            down, up = (one.to(like.device, like.dtype).t().contiguous() for one in (a, b))
            found[name] = down, up
        return found

    def _add(self, name: str, _: Any, given: tuple[Any, ...], out: Any) -> None:
        """Add to a layer's outcome where it lies: nobody else has it yet."""
        for part in self._parts:
            matrices = part.deltas.layers.get(name)
            if matrices is None:
                continue
            down, up = matrices
            if part.places is None:
                out += given[0] @ down @ up
            else:
                rows = given[0].index_select(-2, part.places)
                out.index_add_(-2, part.places, rows @ down @ up)


class Shelf:
    """Adapters that are ready, the least recently used first; for any thread.

    One that must go is only forgotten here: requests that run keep what they have.
    """

    def __init__(self, seams: Seams, places: int) -> None:
        self._seams = seams
        self._places = places
        self._ready: OrderedDict[str, Deltas] = OrderedDict()
        self._known: OrderedDict[str, tuple[object, str]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._ready)

    def get(self, source: str) -> Deltas:
        """The adapter of that folder or tar, read again where it has changed.

        Raises AdapterError when there is none, or it does not fit the model.
        """
        with self._lock:
            state = _state(source)
            before, key = self._known.get(source, (None, ""))
            if state != before or key not in self._ready:
                files = AdapterFiles.read(source)
                key = files.digest
                if key not in self._ready:
                    self._ready[key] = self._seams.place(files)
                self._remember(source, state, key)
            self._ready.move_to_end(key)
            deltas = self._ready[key]
            while len(self._ready) > self._places:
                self._ready.popitem(last=False)
            return deltas

    def _remember(self, source: str, state: object, key: str) -> None:
        """Files may come with each request, under a new path each time: the last few are known."""
        self._known[source] = state, key
        self._known.move_to_end(source)
        while len(self._known) > _KNOWN:
            self._known.popitem(last=False)


def _state(source: str) -> object:
    """What changes when the files do; None where there are none to look at."""
    path = Path(source)
    paths = [path / CONFIG, path / WEIGHTS] if path.is_dir() else [path]
    try:
        stats = [one.stat() for one in paths]
    except OSError:
        return None
    return [(one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns) for one in stats]
