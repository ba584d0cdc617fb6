"""Fixtures of real things: a base image, a registry, Docker's engine, podman. See conftest.py.

Each is made once in a session, or once for all sessions where it takes long, under a lock:
several workers may ask at the same time. What a machine has not is skipped, with the reason.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cogsmith.oci import (
    CHUNK,
    ContainerConfig,
    History,
    Image,
    ImageConfig,
    Layer,
    Layout,
    Platform,
    Reference,
    pack,
)
from cogsmith.registry import Client, Shipment
from tests.real import engines
from tests.registry.real import PROGRAM, RealRegistry

ROOT = Path(__file__).parent.parent.parent
BASE_NAME = "base/python:3.11-slim"
# What Docker Hub's image of Python has set.
BASE_CONFIG = ContainerConfig(
    env=("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",),
    cmd=("python3.11",),
)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def base_tar(shared_cache: Path) -> Path:
    """The file system of a base image: Debian bookworm with a small Python 3.11."""
    if told := os.environ.get("COGSMITH_TEST_BASE"):
        return Path(told)
    path = shared_cache / "base-python3.11.tar"
    with locked(shared_cache / "base.lock"):
        words = [str(ROOT / "scripts" / "base-image"), str(path)]
        made = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    if made.returncode:
        pytest.skip(f"no base image: {(made.stderr.splitlines() or ['it failed'])[0]}")
    return path


@pytest.fixture(scope="session")
def base_image(base_tar: Path, shared_cache: Path) -> Image:
    """The base image, as one layer. It is compressed once and kept."""
    stat = base_tar.stat()
    key = hashlib.sha256(f"2 {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:16]
    folder = shared_cache / "base-image" / key
    with locked(shared_cache / "base-image.lock"):
        if not (folder / "index.json").exists():
            shutil.rmtree(folder.parent, ignore_errors=True)
            _compress(base_tar, folder)
        layout = Layout.at(folder)
        return layout.image(layout.find(Reference.parse(BASE_NAME)))


def _compress(base_tar: Path, folder: Path) -> None:
    scratch = folder.with_name(f"{folder.name}.new")
    layout = Layout.create(scratch)

    def making(write: Callable[[bytes], object]) -> tuple[object, object]:
        with base_tar.open("rb") as file:
            return pack(iter(lambda: file.read(CHUNK), b""), "gzip", write=write)

    layer: Layer = layout.make(making)  # type: ignore[arg-type]
    config = ImageConfig(
        platform=Platform.parse("linux/amd64"), config=BASE_CONFIG,
        history=(History(created_by="mmdebstrap"),),
    )  # fmt: skip
    layout.add(Image.of(config, [layer]), Reference.parse(BASE_NAME))
    scratch.rename(folder)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """The real registry, on a port of its own; tests use repositories of their own."""
    if PROGRAM is None:
        pytest.skip("docker-registry is not installed (apt-get install docker-registry)")
    with RealRegistry(tmp_path_factory.mktemp("real-registry")) as real:
        yield real


@pytest.fixture(scope="session")
def base_reference(registry: RealRegistry, base_image: Image) -> str:
    """The base image in the registry: what ``--base-image`` gets."""
    return push_base(registry.host, base_image)


def push_base(host: str, base_image: Image) -> str:
    reference = Reference.parse(f"{host}/{BASE_NAME}")
    with Client() as client:
        client.push(client.plan_push(reference, Shipment.of(base_image)))
    return str(reference)


@pytest.fixture(scope="session")
def docker() -> engines.Engine:
    """Docker's engine: the one that DOCKER_HOST names, or the system's."""
    try:
        return engines.docker()
    except OSError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session", params=["root", "rootless"])
def podman(request: pytest.FixtureRequest, base_reference: str) -> Iterator[engines.Engine]:
    """podman with a storage of its own, by root (where we are) and by nobody."""
    rootless = request.param == "rootless"
    if not rootless and os.geteuid() != 0:
        pytest.skip("we are not root")
    try:
        with engines.podman(base_reference, rootless=rootless) as engine:
            yield engine
    except OSError as error:
        pytest.skip(str(error))


def reachable(folder: Path) -> None:
    """Let every user reach a temporary folder: pytest keeps those above it for their owner."""
    for above in folder.parents:
        if not above.stat().st_mode & 0o001 and above.stat().st_uid == os.geteuid():
            above.chmod(above.stat().st_mode | 0o011)
    folder.chmod(0o755)
