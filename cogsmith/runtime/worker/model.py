"""The author's predictor, loaded by path as Cog loads it."""

from __future__ import annotations

import importlib.util
import inspect
import pathlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any


class LoadError(Exception):
    """The reference names nothing that can be called."""


BATCH = 8  # predictions of a batch whose predictor does not say how many
WAIT = 0.005  # seconds that the first of a batch waits for others


@dataclass(frozen=True)
class Batching:
    """A predictor's own way to run several predictions in one call.

    ``call`` takes a list of inputs, each a dict, and answers as many outputs, in their order;
    one that is an exception fails its prediction alone. At most ``size`` go into a call, and the
    first waits ``wait`` seconds for the others.
    """

    call: Callable[[list[dict[str, Any]]], Any]
    size: int
    wait: float


@dataclass(frozen=True)
class Model:
    """What the loops call."""

    call: Callable[..., Any]
    owner: Any  # the instance, or None for a plain function
    batching: Batching | None = None

    @property
    def is_async(self) -> bool:
        """Whether the callable, or the one that it wraps, was written with ``async def``."""
        return _is_async(self.call)

    @property
    def healthcheck(self) -> Callable[[], Any] | None:
        """The author's own check, where there is one."""
        return getattr(self.owner, "healthcheck", None)

    def setup(self, weights: str | None) -> Any:
        """Run the author's own setup, if any; answers a coroutine when it is async."""
        setup = getattr(self.owner, "setup", None)
        if setup is None:
            return None
        wanted = inspect.signature(setup).parameters.get("weights")
        return setup() if wanted is None else setup(weights=_weights(weights, wanted))


def load(reference: str, method: str) -> Model:
    """Import ``file.py:Name`` and make the instance when it is a class.

    Whatever the author's module raises comes through; LoadError when there is no such name.
    """
    file, _, name = reference.partition(":")
    module = _import(file)
    target = getattr(module, name or method, None)
    if target is None:
        raise LoadError(f"{file} has no {name or method}")
    if not inspect.isclass(target):
        return Model(target, None)
    owner = target()
    call = getattr(owner, method, None)
    if not callable(call):
        raise LoadError(f"{reference} has no method {method}()")
    return Model(call, owner, _batching(owner, method))


def _batching(owner: Any, method: str) -> Batching | None:
    """``predict_batch()`` beside ``predict()``; Cog calls only the latter, one by one."""
    call = getattr(owner, f"{method}_batch", None)
    if not callable(call) or _is_async(getattr(owner, method)):
        return None
    size = int(getattr(owner, "max_batch_size", BATCH))
    wait = float(getattr(owner, "max_batch_wait", WAIT))
    if size < 1 or not 0 <= wait < 60:
        raise LoadError(
            f"max_batch_size is {size} and max_batch_wait {wait}: at least 1, and 0 to 60 seconds"
        )
    return Batching(call, size, wait)


def _import(file: str) -> ModuleType:
    """Under the file's own name in ``sys.modules``, so that pickle finds its classes."""
    name = pathlib.PurePath(file).stem
    spec = importlib.util.spec_from_file_location(name, pathlib.Path(file).absolute())
    if spec is None or spec.loader is None:
        raise LoadError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _is_async(call: Any) -> bool:
    while call is not None:
        if inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call):
            return True
        call = getattr(call, "__wrapped__", None)
    return False


def _weights(weights: str | None, wanted: inspect.Parameter) -> Any:
    """COG_WEIGHTS as setup() declares it: a ``cog.Path`` where it asks for one, else text."""
    declared = str(getattr(wanted.annotation, "__name__", wanted.annotation))
    if weights is None or not declared.removeprefix("cog.").startswith("Path"):
        return weights
    from cog import Path

    path: Any = Path.validate(weights)
    return path.convert() if hasattr(path, "convert") else path
