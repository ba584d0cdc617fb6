"""What the lanes of one download share: who we are, how far they are, how they are stopped."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from cogsmith.environment.credentials import Credentials, best_for, credentials_in, origin_of
from cogsmith.environment.events import Progress
from cogsmith.environment.fetch.connections import Connections
from cogsmith.environment.settings import Settings
from cogsmith.errors import InstallError, Problem
from cogsmith.values import dataclass

__all__ = ["Session", "Wanted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file to fetch: for which package, from where, what its hashes are; size 0: unknown."""

    title: str
    url: str
    filename: str
    hashes: Mapping[str, str] = field(hash=False)
    size: int = 0


class Session:
    """What the lanes share."""

    def __init__(
        self, settings: Settings, variables: Mapping[str, str], files: list[Wanted]
    ) -> None:
        self.settings, self.variables = settings, variables
        self.known = credentials_in(variables)
        self.netrc = _netrc(settings, variables)
        self.places: dict[str, Path] = {}
        self.problems: list[Problem] = []
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._had = dict.fromkeys((one.url for one in files), 0)
        self._sizes = {one.url: one.size for one in files}
        self._titles = {one.url: one.title for one in files}
        self._wires: list[socket.socket] = []
        self._lanes = threading.local()

    @property
    def total(self) -> int:
        """Bytes of all files whose size is known."""
        return sum(self._sizes.values())

    @property
    def done(self) -> int:
        """Bytes that are here."""
        return sum(self._had.values())

    def progress(self) -> Progress:
        """How far all of them are; named after the one with the most to come."""
        left = {url: self._sizes[url] - had for url, had in self._had.items()}
        largest = max(left, key=lambda url: left[url])
        return Progress(
            step="download", text=self._titles[largest], done=self.done,
            total=max(self.total, self.done), unit="B",
        )  # fmt: skip

    def count(self, url: str, had: int, size: int | None = None) -> None:
        """A file has come so far; and how large it is, once that is said."""
        self._had[url] = had
        if size:
            self._sizes[url] = size

    def login_for(self, url: str) -> Credentials | None:
        """Who we are to a URL's origin."""
        if found := best_for(url, self.known):
            return found
        origin = origin_of(url)
        login = self.netrc.get(origin[1])
        return login and Credentials(origin=origin, path="/", user=login[0], password=login[1])

    def lane(self) -> Connections:
        """The connections of this thread."""
        if not hasattr(self._lanes, "connections"):
            self._lanes.connections = Connections(self.variables, self._opened)
        found: Connections = self._lanes.connections
        return found

    def _opened(self, wire: socket.socket) -> None:
        with self._lock:
            self._wires.append(wire)
            if self.stopped.is_set():
                _cut(wire)

    def halt(self) -> None:
        """End what is under way, also what waits for a silent server."""
        self.stopped.set()
        with self._lock:
            for wire in self._wires:
                _cut(wire)

    def close(self) -> None:
        """Close all connections; no lane works any more."""
        for wire in self._wires:
            wire.close()

    def check(self) -> None:
        """Raises InstallError when a file could not be had."""
        if self.problems:
            raise InstallError(sorted(set(self.problems), key=str))


def _cut(wire: socket.socket) -> None:
    """Whoever reads from it sees its end. Not the method of TLS, which would read on in plain."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(wire, socket.SHUT_RDWR)


def _netrc(settings: Settings, variables: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Names and passwords by host of a netrc file; one that cannot be read says nothing."""
    import netrc

    path = Path(variables.get("NETRC") or settings.home / ".netrc")
    try:
        found = netrc.netrc(path)
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        return {}
    return {host: (login, word or "") for host, (login, _, word) in found.hosts.items()}
