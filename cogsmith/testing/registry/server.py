"""The fake registry as a server that is started, stopped, and started again."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cogsmith.testing.registry.handler import Server
from cogsmith.testing.registry.state import State

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FakeRegistry"]


@dataclass(kw_only=True)
class FakeRegistry(State):
    """A registry on this machine, running inside ``with``.

    >>> with FakeRegistry(auth="basic", users={"ada": "sesame"}) as registry:   # doctest: +SKIP
    ...     registry.fail("PATCH .*/uploads/", cut_request=1000)
    ...     push(f"{registry.host}/owner/name:tag")
    ...     assert registry.count("PATCH") == 2
    """

    _server: Server | None = field(default=None, repr=False)

    def start(self) -> None:
        """Listen; on the same port as before when it was stopped."""
        self._server = Server(self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """End it as a kill would: connections break, uploads are forgotten, content stays."""
        if self._server is not None:
            self._server.end()
            self._server = None
        with self.lock:
            self.stored.uploads.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
