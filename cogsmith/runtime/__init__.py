"""What runs a model: the author's code in a process of its own, and the server before it.

In: a WorkerSpec (interpreter, project, reference), then inputs; or a Site, then HTTP requests.
Out: events of each prediction as they happen; SetupFailed when the model cannot be started.
Touches: processes and sockets (``process``, ``server``), files that leave (``files``), and in
the child (``worker``) everything.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # typing's own would be half of what it takes to start a worker
if TYPE_CHECKING:
    from cogsmith.runtime import page
    from cogsmith.runtime.client import Worker
    from cogsmith.runtime.openai.model import is_language_model
    from cogsmith.runtime.server.app import serve
    from cogsmith.runtime.server.settings import Settings
    from cogsmith.runtime.server.site import Offer, Site
    from cogsmith.runtime.spec import WorkerSpec

__all__ = [
    "Offer",
    "Settings",
    "Site",
    "Worker",
    "WorkerSpec",
    "is_language_model",
    "page",
    "serve",
]

_HOMES = {
    "Offer": "cogsmith.runtime.server.site",
    "Settings": "cogsmith.runtime.server.settings",
    "Site": "cogsmith.runtime.server.site",
    "Worker": "cogsmith.runtime.client",
    "WorkerSpec": "cogsmith.runtime.spec",
    "is_language_model": "cogsmith.runtime.openai.model",
    "serve": "cogsmith.runtime.server.app",
}


def __getattr__(name: str) -> object:
    """Looked up when asked for: the child comes through this door too, and needs none of it."""
    if name == "page":
        return import_module("cogsmith.runtime.page")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
