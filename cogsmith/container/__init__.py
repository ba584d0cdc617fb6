"""An image that runs: started in an engine, waited for, asked over HTTP, and gone afterwards.

In: an Engine, a Launch (which image, with what), inputs. Out: a Container's address, the events of
a prediction, its logs as they come; errors with a container's last words.
Touches: Docker's engine (`engine`), the model's server (`http`), the person's terminal
(`terminal`), and a second process that tidies up after us (`guard`).
"""

from __future__ import annotations

from cogsmith.container.coglet import Plain
from cogsmith.container.engine import is_remote
from cogsmith.container.files import packed, unpacked
from cogsmith.container.http import Asked, Model
from cogsmith.container.labels import Packaged
from cogsmith.container.launch import Folder, Launch, Port
from cogsmith.container.podman import podman_service
from cogsmith.container.running import Container, running
from cogsmith.container.terminal import attached

__all__ = [
    "Asked",
    "Container",
    "Folder",
    "Launch",
    "Model",
    "Packaged",
    "Plain",
    "Port",
    "attached",
    "is_remote",
    "packed",
    "podman_service",
    "running",
    "unpacked",
]
