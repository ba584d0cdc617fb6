"""A registry for one builder in one round, and how many bytes it holds."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from serving.server import free_port


class Registry:
    """docker-registry on a port of 127.0.0.1, its files in a folder that is gone at the end."""

    def __init__(self, parent: Path, seed: Path | None = None) -> None:
        """``seed`` is the storage of another registry: what was pushed there is here, too."""
        self.folder = Path(tempfile.mkdtemp(prefix="registry-", dir=parent))
        self.storage = self.folder / "storage"
        if seed:
            shutil.copytree(seed, self.storage)
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        config = self.folder / "registry.yml"
        config.write_text(
            f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
            f"storage: {{filesystem: {{rootdirectory: {self.storage}}}}}\n"
            f"http: {{addr: '{self.host}', secret: not-a-secret}}\n"
        )
        program = shutil.which("docker-registry")
        if program is None:
            raise RuntimeError("docker-registry is not installed")
        self.process = subprocess.Popen(
            [program, "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait()

    def _wait(self) -> None:
        for _ in range(1000):
            try:
                self._get("/v2/")
                return
            except OSError:
                time.sleep(0.01)
        raise RuntimeError("the registry does not start")

    def held(self) -> int:
        """Bytes of all blobs that it holds."""
        return sum(path.stat().st_size for path in self.storage.glob("docker/**/blobs/**/data"))

    def size(self, repository: str, tag: str) -> int:
        """Bytes of an image as it travels: its layers and its config."""
        manifest = json.loads(self._get(f"/v2/{repository}/manifests/{tag}"))
        if "manifests" in manifest:
            digest = manifest["manifests"][0]["digest"]
            manifest = json.loads(self._get(f"/v2/{repository}/manifests/{digest}"))
        return sum(part["size"] for part in [manifest["config"], *manifest["layers"]])

    def layers(self, repository: str, tag: str) -> int:
        """How many layers an image has."""
        return len(json.loads(self._get(f"/v2/{repository}/manifests/{tag}"))["layers"])

    def _get(self, path: str) -> bytes:
        kinds = ("vnd.oci.image.manifest.v1", "vnd.oci.image.index.v1",
                 "vnd.docker.distribution.manifest.v2")  # fmt: skip
        accept = ", ".join(f"application/{kind}+json" for kind in kinds)
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            connection.request("GET", path, headers={"Accept": accept})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body.decode('utf-8', 'replace')}")
        return body

    def __enter__(self) -> Registry:  # noqa: PYI034 - Self is newer than 3.10
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
