"""Locks written here, and a server of files that can be told to misbehave."""

from __future__ import annotations

import base64
import hashlib
import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cogsmith.environment import Lock, Source, Target
from cogsmith.environment.lock import parse
from cogsmith.environment.toml_document import render

PYTHON = "3.11"
X86 = Target(python=PYTHON, platform="linux-x86_64", accelerator="cpu")
ARM = Target(python=PYTHON, platform="linux-aarch64", accelerator="cpu")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lock_of(*packages: dict[str, Any], **more: Any) -> Lock:
    """A lock of another tool, with these packages."""
    document = {"lock-version": "1.0", "created-by": "test", **more, "packages": list(packages)}
    return parse(render(document), where="pylock.toml")


def wheels_of(name: str, *filenames: str, **more: Any) -> dict[str, Any]:
    """A package with wheels of which nothing but the names counts."""
    entries = [
        {"url": f"https://host.invalid/{file}", "hashes": {"sha256": f"{n:064x}"}}
        for n, file in enumerate(filenames)
    ]
    return {"name": name, "version": "1.0", **more, "wheels": entries}


def source_of(folder: Path, *packages: dict[str, Any], target: Target = X86, **more: Any) -> Source:
    """A source whose lock would stand in a folder."""
    return Source(
        lock=lock_of(*packages), path=folder / "pylock.toml", target=target, variables=more
    )


def remote(url: str, path: Path, name: str = "", **more: Any) -> dict[str, Any]:
    """A package with one wheel on a server, as a lock has it."""
    wheel = {"url": f"{url}/{path.name}", "hashes": {"sha256": sha256(path)}, **more}
    found, version = path.name.split("-")[:2]
    return {"name": name or found.replace("_", "-"), "version": version, "wheels": [wheel]}


@dataclass
class Files:
    """A folder on a server; what it was asked, and what goes wrong with the next answers.

    ``script`` holds what happens instead of a right answer, by file name, the first thing
    first: a status, "cut" (the connection ends half-way), "stall" (nothing comes after the
    first half), or a URL to redirect to.
    """

    folder: Path
    url: str = ""
    login: str = ""
    ranges: bool = True
    script: dict[str, list[int | str]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def headers(self, name: str) -> list[str]:
        """The values of a header, "" where it was not sent, in the order of the requests."""
        return [headers.get(name, "") for _, headers in self.asked]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    files: Files

    def do_GET(self) -> None:
        files, name = self.files, self.path.partition("?")[0].rpartition("/")[2]
        files.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        step = files.script[name].pop(0) if files.script.get(name) else ""
        wanted = "Basic " + base64.b64encode(files.login.encode()).decode()
        if files.login and self.headers.get("Authorization") != wanted:
            return self._short(401)
        if isinstance(step, int):
            return self._short(step)
        if step.startswith("http"):
            return self._short(302, ("Location", step))
        if not (files.folder / name).is_file():
            return self._short(404)
        return self._send((files.folder / name).read_bytes(), half=step)

    def _short(self, status: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for header in (*headers, ("Content-Length", "0")):
            self.send_header(*header)
        self.end_headers()

    def _send(self, data: bytes, *, half: str) -> None:
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(found[1]) if found and self.files.ranges else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        rest = data[start:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: len(rest) // 2] if half else rest)
        if half == "stall":
            self.files.ended.wait()
        self.close_connection = bool(half)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(folder: Path, **more: Any) -> Iterator[Files]:
    """Serve a folder on a port of this machine."""
    files = Files(folder, **more)
    handler = type("Handler", (_Handler,), {"files": files})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        files.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield files
        finally:
            files.ended.set()
            server.shutdown()
            thread.join()
