"""A place to build images in that needs nothing from outside: an index, a registry, a base image.

The base image has a Python that nobody can run, and the packages are empty: what is built is
whole, and is not for running.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cogsmith.image import SERVER_PACKAGES
from cogsmith.oci import (
    Directory,
    Entry,
    File,
    Image,
    ImageConfig,
    Index,
    Layout,
    Platform,
    Reference,
    Symlink,
    layer,
    tar,
)
from cogsmith.registry import Client, Shipment
from cogsmith.testing.registry import FakeRegistry
from tests.cli.running import SlowIndex, slow_index
from tests.environment.wheels import make_wheel

PYTHON = ".".join(map(str, sys.version_info[:2]))
SYSTEM: tuple[Entry, ...] = (
    Directory(path="opt"),
    File.of("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"),
    File.of("etc/group", b"root:x:0:\n"),
    File.of("usr/lib/os-release", b"ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\n"),
    File.of(f"usr/bin/python{PYTHON}", b"elf", mode=0o755),
    Symlink(path="bin", target="usr/bin"),
)
CONFIG = f"""\
build:
  python_version: "{PYTHON}"
  python_requirements: requirements.txt
predict: "predict.py:Predictor"
"""
PREDICTOR = """\
from cog import BasePredictor, Input


class Predictor(BasePredictor):
    def predict(self, name: str = Input(description="Who is greeted", default="World")) -> str:
        return f"hello {name}"
"""


@dataclass
class Workshop:
    """A project beside the index and the registry that it uses."""

    folder: Path
    registry: FakeRegistry
    index: SlowIndex
    environment: dict[str, str]

    @property
    def project(self) -> Path:
        return self.folder / "project"

    @property
    def host(self) -> str:
        return self.registry.host

    @property
    def layout(self) -> Layout:
        return Layout.at(self.folder / "store")

    def image(self, name: str) -> Image:
        """The image of a name in the store."""
        return self.layout.image(self.layout.find(Reference.parse(name)))

    def run(
        self, *words: str, folder: Path | None = None, given: str | None = None, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of ours in the project, with more variables if need be."""
        return subprocess.run(
            ["cogsmith", *words], cwd=folder or self.project, text=True, capture_output=True,
            env={**os.environ, **self.environment, **more}, timeout=120, check=False,
            input=given if given is not None else "",
        )  # fmt: skip

    def fine(self, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a command that must go well."""
        ran = self.run(*words, **more)
        assert ran.returncode == 0, f"{words}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        return ran

    def results(self, *words: str) -> list[dict[str, Any]]:
        """What a command tells programs in the end."""
        events = [json.loads(line) for line in self.fine(*words).stderr.splitlines()]
        return [event for event in events if event["type"] == "result"]


@contextmanager
def workshop(folder: Path, environment: dict[str, str], **manners: Any) -> Iterator[Workshop]:
    """Open it; ``manners`` are the registry's."""
    with FakeRegistry(**manners) as registry, slow_index(folder / "wheels") as index:
        for requirement in SERVER_PACKAGES:
            name, _, version = requirement.partition("==")
            make_wheel(index.folder, name, version)
        project = folder / "project"
        project.mkdir()
        (project / "cog.yaml").write_text(CONFIG)
        (project / "predict.py").write_text(PREDICTOR)
        (project / "requirements.txt").write_text("thing==1.0\n")
        place = Workshop(folder, registry, index, {
            **environment, **index.environment,
            "COGSMITH_CACHE_DIR": str(folder / "cache"), "UV_CACHE_DIR": str(folder / "uv"),
            "COGSMITH_STORE": str(folder / "store"), "DOCKER_CONFIG": str(folder / "docker"),
            "DOCKER_HOST": f"unix://{folder}/no-engine.sock",
            "COGSMITH_BASE_IMAGE": f"{registry.host}/base/python:slim",
        })  # fmt: skip
        _push_base(registry)
        yield place


def _push_base(registry: FakeRegistry) -> None:
    """For two platforms, as official images are."""
    bases = [
        Image.of(ImageConfig(platform=Platform.parse(name)), [layer(lambda: tar(SYSTEM))])
        for name in ("linux/amd64", "linux/arm64")
    ]
    index = Index(manifests=tuple(base.descriptor for base in bases))
    reference = Reference.parse(f"{registry.host}/base/python:slim")
    auth, registry.auth = registry.auth, ""
    with Client() as client:
        client.push(client.plan_push(reference, Shipment.of(*bases, index=index)))
    registry.auth = auth
