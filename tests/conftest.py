"""What the tests share: a clean environment, a shared cache, and honest skips."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Real things that any test may ask for.
from tests.real.fixtures import (  # noqa: F401
    base_image,
    base_reference,
    base_tar,
    docker,
    podman,
    registry,
)

ROOT = Path(__file__).parent.parent
KEPT = ("COGSMITH_TEST_CACHE", "COGSMITH_TEST_BASE", "COGSMITH_ENGINE_PACKAGES")

# The model's packages (torch, transformers), named by scripts/test. They come last, so that
# ours are not shadowed; they fit only a Python of the same minor version.
ENGINE_PACKAGES = Path(os.environ.get("COGSMITH_ENGINE_PACKAGES", ""))
if ENGINE_PACKAGES.name and f"python3.{sys.version_info.minor}" in ENGINE_PACKAGES.parts:
    sys.path.append(str(ENGINE_PACKAGES))

# Tiny models on all cores at once: more threads would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Machines are shared and slow at times: a law is about answers, not about milliseconds.
settings.register_profile("cogsmith", deadline=None)
settings.load_profile("cogsmith")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the variables of the person who runs it that would change our answers."""
    for name in list(os.environ):
        if name.startswith(("COG_", "COGSMITH_")) and not name.startswith(KEPT):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")


# A Python that has torch and transformers.
ENGINE_PYTHON = Path(sys.executable)
if ENGINE_PACKAGES.name:
    ENGINE_PYTHON = ENGINE_PACKAGES.parents[2] / "bin" / "python"


@pytest.fixture(scope="session")
def engine_python() -> Path:
    return ENGINE_PYTHON


@pytest.fixture(scope="session")
def shared_cache() -> Path:
    """Where the suite's environments are made: kept between runs, shared by all workers."""
    folder = Path(os.environ.get("COGSMITH_TEST_CACHE") or ROOT / ".pytest_cache" / "cogsmith")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def command_environment(shared_cache: Path) -> dict[str, str]:
    """Environment variables for commands that tests start as a person would."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COGSMITH_CACHE_DIR": str(shared_cache),
        "COLUMNS": "100",
    }


def _index_answers() -> bool:
    """Does the package index answer? Asked of uv, which knows mirrors and proxies."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        return False
    asked = subprocess.run(
        [uv, "pip", "compile", "--quiet", "--no-deps", "-"], input="cog==0.23.1\n", text=True,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return asked.returncode == 0


def _docker_answers() -> bool:
    """Is there an engine behind DOCKER_HOST, or behind the usual socket?"""
    scheme, _, place = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").partition("://")
    try:
        if scheme == "unix":
            with socket.socket(socket.AF_UNIX) as engine:
                engine.connect(place)
        else:
            host, _, port = place.rpartition(":")
            socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError):
        return False
    return True


@pytest.fixture(scope="session")
def missing() -> dict[str, str]:
    """What this machine lacks, each with the reason that a skipped test shows."""
    found = {}
    if not _index_answers():
        found["network"] = "the package index does not answer"
    if not Path("/dev/nvidia0").exists():
        found["gpu"] = "this machine has no NVIDIA GPU"
    if not _docker_answers():
        found["docker"] = "no Docker engine answers"
    return found


@pytest.fixture
def needs(missing: dict[str, str]) -> Callable[[set[str]], None]:
    """Skip, with the reason, when the machine lacks what a story needs."""

    def check(wanted: set[str]) -> None:
        for need in sorted(wanted & missing.keys()):
            pytest.skip(missing[need])

    return check


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the stories of minutes, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Stories of minutes are for CI, and for whoever asks."""
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="a story of minutes: --slow runs it")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def skip_what_is_missing(request: pytest.FixtureRequest) -> None:
    """Tests marked network, docker or gpu skip with a reason where the thing is missing."""
    wanted = {mark.name for mark in request.node.iter_markers()} & {"network", "docker", "gpu"}
    if wanted:
        request.getfixturevalue("needs")(wanted)
