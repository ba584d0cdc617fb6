"""An engine of our own that is a swarm of one, a registry, and four versions of a model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.registry.real import free_port

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "scripts" / "docker-engine"
FRONT = Path(__file__).parent / "front.py"
NETWORK = "models"
VERSIONS = ("one", "two", "broken", "wrong")

CONFIG = """\
build:
  python_version: "3.11"
predict: "predict.py:Predictor"
concurrency:
  max: 8
"""
PREDICTOR = """\
import asyncio

from cog import BasePredictor, Input

VERSION = "{version}"


class Predictor(BasePredictor):
    async def setup(self) -> None:
        if VERSION == "broken":
            raise RuntimeError("the weights are broken")

    async def predict(
        self,
        wait: float = Input(description="Seconds that it takes", default=0.2, ge=0, le=30),
    ) -> str:
        await asyncio.sleep(wait)
        return "nonsense" if VERSION == "wrong" else f"hello from {{VERSION}}"
"""
CASES = """\
- name: says hello
  input: {wait: 0}
  expect: {contains: hello}
"""


@dataclass
class Place:
    """A folder with a deploy.yaml, and the engine that it is for."""

    folder: Path
    host: str
    environment: dict[str, str]

    def deploy(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """``cogsmith deploy``, as a person types it; it must end with this code."""
        ran = subprocess.run(
            ["cogsmith", "deploy", *words], cwd=self.folder, env=self.environment, text=True,
            capture_output=True, timeout=240, check=False,
        )  # fmt: skip
        assert ran.returncode == code, f"{words}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        return ran

    def docker(self, *words: str) -> str:
        ran = subprocess.run(
            ["docker", *words], env=self.environment, text=True, capture_output=True, check=False
        )
        assert ran.returncode == 0, f"{words}: {ran.stderr}"
        return ran.stdout

    def image(self, version: str) -> str:
        return f"{self.host}/deploy/hello:{version}"

    def write(self, text: str) -> None:
        (self.folder / "deploy.yaml").write_text(textwrap.dedent(text))

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.deploy("status", "--json").stdout)
        return found

    def front(self, base: str, name: str) -> int:
        """One port before all replicas of a service: a container in their network."""
        port = free_port()
        self.docker("network", "create", "--driver", "overlay", "--attachable", NETWORK)
        self.docker("config", "create", "front", str(FRONT))
        self.docker(
            "service", "create", "--quiet", "--name", "front", "--network", NETWORK,
            "--publish", f"mode=host,target=5000,published={port}",
            "--config", "source=front,target=/front.py", base,
            "python3.11", "-u", "/front.py", name, "5000",
        )  # fmt: skip
        return port


def _engine(folder: Path) -> str:
    """The address of an engine of our own, or a skip with the reason."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("an engine of one's own needs root and dockerd")
    ran = subprocess.run(
        [str(SCRIPT), "start", str(folder)], text=True, capture_output=True, check=False
    )
    if ran.returncode:
        pytest.skip(f"no engine: {(ran.stderr.splitlines() or ['it failed'])[0]}")
    return ran.stdout.strip().rpartition("=")[2]


@contextmanager
def place(host: str, base: str, environment: dict[str, str]) -> Iterator[Place]:
    """Build the versions, start the engine, make it a swarm; all of it is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="cogd-"))
    try:
        address = _engine(folder / "e")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        ours = {**environment, "DOCKER_HOST": address, "PATH": path, "NO_COLOR": "1"}
        made = Place(folder, host, {**os.environ, **ours})
        _push_versions(made, base)
        (folder / "cases").mkdir()
        (folder / "cases" / "hello.yaml").write_text(CASES)
        yield made
    finally:
        subprocess.run([str(SCRIPT), "stop", str(folder / "e")], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def _push_versions(made: Place, base: str) -> None:
    for version in VERSIONS:
        project = made.folder / version
        project.mkdir()
        (project / "cog.yaml").write_text(CONFIG)
        (project / "predict.py").write_text(PREDICTOR.format(version=version))
        words = ["cogsmith", "push", made.image(version), "--base-image", base, "--no-attest"]
        ran = subprocess.run(
            words, cwd=project, env=made.environment, text=True, capture_output=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
