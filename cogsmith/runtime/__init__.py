"""What runs a model: the author's code in a process of its own, and our end of it.

In: a WorkerSpec (interpreter, project, reference), then inputs, prediction by prediction.
Out: events of each prediction as they happen; SetupFailed when the model cannot be started.
Touches: processes and sockets (``process``), and in the child (``worker``) everything.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cogsmith.runtime.client import Worker
    from cogsmith.runtime.spec import WorkerSpec

__all__ = ["Worker", "WorkerSpec"]

_HOMES = {"Worker": "cogsmith.runtime.client", "WorkerSpec": "cogsmith.runtime.spec"}


def __getattr__(name: str) -> object:
    """Looked up when asked for: the child comes through this door too, and needs none of it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
