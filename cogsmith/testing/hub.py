"""A model hub, small and in memory, over real HTTP; and the faults that real ones have.

It speaks the part of the Hub's API by which weights come: revisions, listings in pages, files
by way of a redirect to another host, tokens, gates; ranges, entity tags and HEAD. Any other
path is a plain file, as on a web server. It is no faster, and not safer, than a test needs.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FakeHub", "HubFault", "HubRepository", "HubSeen"]

CONTENT_RANGE = re.compile(r"bytes=(\d+)-$")


@dataclass(frozen=True, slots=True)
class HubSeen:
    """A request that came: ``METHOD path``, the host that it named, and two of its headers."""

    line: str
    host: str
    authorization: str
    range: str


@dataclass(slots=True)
class HubFault:
    """What goes wrong with the next ``times`` requests whose ``METHOD path`` matches ``pattern``.

    ``status``: the answer is that, with ``headers``. ``cut``: the connection ends after so many
    bytes of the body, or rests there until ``held`` is set. ``corrupt``: the first byte of the body
    is another.
    """

    pattern: str
    status: int = 0
    cut: int | None = None
    corrupt: bool = False
    held: threading.Event | None = None
    times: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class HubRepository:
    """A repository with one state: a commit, and the branches and tags that are at it.

    Files of ``large`` bytes or more are in LFS; ``private`` asks for a token, ``gated`` for one
    whose owner has accepted conditions.
    """

    files: dict[str, bytes]
    revisions: set[str] = field(default_factory=lambda: {"main"})
    large: int = 1 << 16
    private: bool = False
    gated: bool = False

    @property
    def commit(self) -> str:
        """The commit's id: another one when the files are others."""
        told = "\n".join(f"{path} {_git(data)}" for path, data in sorted(self.files.items()))
        return hashlib.sha1(told.encode(), usedforsecurity=False).hexdigest()

    def tree(self) -> list[dict[str, object]]:
        """The listing, as the API has it: folders and files."""
        folders = {
            "/".join(p.split("/")[:n]) for p in self.files for n in range(1, p.count("/") + 1)
        }
        entries: list[dict[str, object]] = [
            {"type": "directory", "oid": _git(folder.encode()), "size": 0, "path": folder}
            for folder in sorted(folders)
        ]
        return entries + [self._entry(path) for path in sorted(self.files)]

    def is_large(self, path: str) -> bool:
        """Whether a file is in LFS."""
        return len(self.files[path]) >= self.large

    def _entry(self, path: str) -> dict[str, object]:
        data = self.files[path]
        entry: dict[str, object] = {
            "type": "file", "oid": _git(data), "size": len(data), "path": path,
        }  # fmt: skip
        if self.is_large(path):
            digest = hashlib.sha256(data).hexdigest()
            entry["oid"] = _git(digest.encode())  # of the pointer
            entry["lfs"] = {"oid": digest, "size": len(data), "pointerSize": 134}
        return entry


@dataclass
class FakeHub:
    """A hub on this machine, running inside ``with``.

    >>> with FakeHub() as hub:                                             # doctest: +SKIP
    ...     hub.add("ada/stories", {"config.json": b"{}"})
    ...     settings = Settings(store=folder, hub=hub.url)
    """

    token: str = "hf_sesame"  # noqa: S105 - of a fake
    page: int = 1000
    repositories: dict[str, HubRepository] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    faults: list[HubFault] = field(default_factory=list)
    seen: list[HubSeen] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _server: ThreadingHTTPServer | None = field(default=None, repr=False)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server, "the hub is not running"
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its address; what it keeps behind redirects is at ``localhost``, another host."""
        return f"http://127.0.0.1:{self.port}"

    def add(self, name: str, files: Mapping[str, bytes]) -> HubRepository:
        """A repository ``owner/name`` with these files."""
        made = HubRepository(dict(files))
        self.repositories[name] = made
        return made

    def fail(self, pattern: str, **how: object) -> None:
        """Let requests fail: ``hub.fail("GET .*resolve", status=503)``."""
        self.faults.append(HubFault(pattern, **how))  # type: ignore[arg-type]

    def count(self, pattern: str) -> int:
        """How many requests came whose ``METHOD path`` matches."""
        return sum(bool(re.search(pattern, seen.line)) for seen in self.seen)

    def fault(self, line: str) -> HubFault | None:
        """What goes wrong with a request."""
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.pattern, line):
                    fault.times -= 1
                    return fault
        return None

    def __enter__(self) -> Self:
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server
        self._server.shutdown()
        self._server.server_close()
        self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, hub: FakeHub) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = hub

    def handle_error(self, *_: object) -> None:
        """A client that leaves is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Silence."""

    def do_HEAD(self) -> None:
        self._any()

    def do_GET(self) -> None:
        self._any()

    def _any(self) -> None:
        hub, line = self.server.hub, f"{self.command} {self.path}"
        told = (self.headers.get(name, "") for name in ("Host", "Authorization", "Range"))
        hub.seen.append(HubSeen(line, *told))
        self.fault = hub.fault(line)
        if self.fault and self.fault.status:
            self._answer(self.fault.status, b"{}", dict(self.fault.headers))
            return
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        if parts[:2] == ["api", "models"] and len(parts) >= 6:
            self._api("/".join(parts[2:4]), parts[4], "/".join(parts[5:]))
        elif len(parts) >= 5 and parts[2] == "resolve":
            self._resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        elif parts[0] == "lfs":
            self._lfs(parts[1])
        else:
            self._plain("/".join(parts))

    def _api(self, name: str, verb: str, revision: str) -> None:
        repository = self._allowed(name, revision)
        if repository is None:
            return
        if verb == "revision":
            body: object = {"id": name, "sha": repository.commit, "siblings": []}
            self._answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})
            return
        query = parse_qs(urlsplit(self.path).query)
        start = int(query.get("cursor", ["0"])[0])
        entries = repository.tree()
        hub = self.server.hub
        headers = {"Content-Type": "application/json"}
        if start + hub.page < len(entries):
            base = f"{hub.url}{urlsplit(self.path).path}?recursive=true"
            headers["Link"] = f'<{base}&cursor={start + hub.page}>; rel="next"'
        self._answer(200, json.dumps(entries[start : start + hub.page]).encode(), headers)

    def _resolve(self, name: str, revision: str, path: str) -> None:
        repository = self._allowed(name, revision)
        if repository is None:
            return
        if path not in repository.files:
            self._answer(404, b"Entry not found")
        elif repository.is_large(path):
            digest = hashlib.sha256(repository.files[path]).hexdigest()
            place = f"http://localhost:{self.server.hub.port}/lfs/{digest}?signature=secret"
            self._answer(302, b"", {"Location": place})
        else:
            self._file(repository.files[path], f'"{_git(repository.files[path])}"')

    def _allowed(self, name: str, revision: str) -> HubRepository | None:
        """The repository, or None when the answer has been given: who asks may not know it."""
        repository = self.server.hub.repositories.get(name)
        known = self.headers.get("Authorization") == f"Bearer {self.server.hub.token}"
        if repository is None or (repository.private and not known):
            self._answer(404 if known else 401, b'{"error": "Repository not found"}')
        elif repository.gated:
            self._answer(403 if known else 401, b'{"error": "Access to it is restricted"}')
        elif revision not in {*repository.revisions, repository.commit}:
            self._answer(404, b'{"error": "Invalid rev id"}')
        else:
            return repository
        return None

    def _lfs(self, digest: str) -> None:
        for repository in self.server.hub.repositories.values():
            for data in repository.files.values():
                if hashlib.sha256(data).hexdigest() == digest:
                    self._file(data, f'"{digest}"')
                    return
        self._answer(404, b"")

    def _plain(self, path: str) -> None:
        hub = self.server.hub
        if path not in hub.files:
            self._answer(404, b"")
            return
        data = hub.files[path]
        self._file(
            data, hub.tags.get(path, f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"')
        )

    def _file(self, data: bytes, tag: str) -> None:
        headers = {"Accept-Ranges": "bytes", **({"ETag": tag} if tag else {})}
        asked = CONTENT_RANGE.match(self.headers.get("Range", ""))
        fresh = self.headers.get("If-Range", tag) == tag
        if not asked or not fresh:
            self._answer(200, data, headers)
            return
        start = int(asked[1])
        if start >= len(data):
            self._answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            return
        headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self._answer(206, data[start:], headers)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        fault = self.fault
        if fault and fault.corrupt and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault and fault.cut is not None:
            self.wfile.write(body[: fault.cut])
            self.wfile.flush()
            if fault.held is not None:
                fault.held.wait(120)
            self.close_connection = True
            self.connection.close()
            return
        self.wfile.write(body)


def _git(data: bytes) -> str:
    """Git's id of content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
