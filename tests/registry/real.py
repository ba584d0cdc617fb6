"""The real registry (Debian's docker-registry, distribution 2.8) as a process of ours."""

from __future__ import annotations

import http.client
import random
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

PROGRAM = shutil.which("docker-registry")

# bcrypt of "sesame", at its lowest cost.
HTPASSWD = "ada:$2y$04$nnCT0QNE1euia8N/lb21h.AvqqrVwRJx.VcOINnUNEdxsLh/HY8aC\n"


@dataclass
class RealRegistry:
    """Started and ended like the fake one; ``port`` stays the same when it is started again."""

    folder: Path
    password: bool = False
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def start(self) -> None:
        assert PROGRAM
        self.port = self.port or free_port()
        path = self.folder / "registry.yml"
        path.write_text(self._config())
        with (self.folder / "registry.log").open("ab") as log:
            self._process = subprocess.Popen([PROGRAM, "serve", path], stdout=log, stderr=log)
        self._wait()

    def stop(self) -> None:
        """Kill it: no good-bye to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def log(self) -> str:
        return (self.folder / "registry.log").read_text("utf-8", "replace")

    def count(self, words: str) -> int:
        """How many requests its log holds whose ``METHOD path`` begins so."""
        method, _, path = words.partition(" ")
        return sum(f'"{method} {path}' in line for line in self.log().splitlines())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _config(self) -> str:
        # The secret signs the state of uploads: with a random one none would outlive a restart.
        lines = [
            "version: 0.1",
            "log: {level: info, accesslog: {disabled: false}}",
            "storage:",
            f"  filesystem: {{rootdirectory: {self.folder / 'storage'}}}",
            "  delete: {enabled: true}",
            f"http: {{addr: '127.0.0.1:{self.port}', secret: not-a-secret}}",
        ]
        if self.password:
            passwords = self.folder / "htpasswd"
            passwords.write_text(HTPASSWD)
            lines.append(f"auth: {{htpasswd: {{realm: 'real, for tests', path: {passwords}}}}}")
        return "\n".join(lines) + "\n"

    def _wait(self) -> None:
        for _ in range(1500):
            assert self._process
            assert self._process.poll() is None, self.log()
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/v2/")
                connection.getresponse().read()
                connection.close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(self.log())


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def free_data_port() -> int:
    """A port for Swarm's data path (UDP): it takes none above 49151, as kernels give, too."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")
