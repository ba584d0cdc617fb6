"""What goes wrong in the middle: kills, a full disk, wrong bytes, two builds at once. Each ends
in a clear error or a right image, and what comes after finds everything in order."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cogsmith.oci import Image, Layout, Platform, Reference, validate
from cogsmith.registry import Client
from cogsmith.testing.registry import FakeRegistry
from tests.environment.wheels import make_wheel
from tests.real.fixtures import push_base
from tests.real.projects import Done, Project, ended, write
from tests.registry.real import PROGRAM, RealRegistry

pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.registry]

NAME = "kills/model:1"
LARGE = 24_000_000  # bytes of weights, so that there is a middle to be killed in
PATIENCE = 60.0


@pytest.fixture
def large(small: Project) -> Project:
    """The small model with weights that nobody has."""
    (small.folder / "model.bin").write_bytes(random.Random(3).randbytes(LARGE))
    return small


@pytest.fixture(scope="module")
def digest(small_template: Project, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the large model's image is called when nothing goes wrong."""
    project = small_template.twin(tmp_path_factory.mktemp("undisturbed") / "model")
    (project.folder / "model.bin").write_bytes(random.Random(3).randbytes(LARGE))
    return project("build", "-t", NAME).digest


def test_build_is_killed_at_any_moment(large: Project, digest: str) -> None:
    """Again and again: nothing half-made is ever named or used."""
    begun = time.monotonic()
    large.twin(large.folder.with_name("timed"))("build", "-t", NAME)
    takes = time.monotonic() - begun
    chance = random.Random(11)
    for _ in range(6):
        process = large.start("build", "-t", NAME)
        time.sleep(chance.uniform(0.1, takes))
        killed(process)
        named = names(large)
        assert named in ({}, {NAME: digest})
    assert large("build", "-t", NAME).digest == digest
    large.image(NAME)
    # All of it is known now: no layer is made again.
    again = large("build", "-t", NAME)
    assert again.digest == digest
    assert "none of them new" in again.err


def test_prune_after_a_kill(large: Project, digest: str) -> None:
    """What a killed build has left can be taken away, and is no hindrance."""
    process = large.start("build", "-t", NAME)
    until(lambda: any((large.store / "ingest").glob("*")) or process.poll() is not None)
    killed(process)
    large("prune")
    assert large("build", "-t", NAME).digest == digest
    large.image(NAME)


def test_the_registry_is_killed_during_a_push(
    large: Project, base_image: Image, tmp_path: Path
) -> None:
    """It comes back, and what is there is whole; or we say so, and the next push ends it."""
    if PROGRAM is None:
        pytest.skip("docker-registry is not installed")
    folder = tmp_path / "registry"
    folder.mkdir()
    with RealRegistry(folder) as registry:
        large.environ["COGSMITH_BASE_IMAGE"] = push_base(registry.host, base_image)
        reference = f"{registry.host}/kills/model:1"
        built = large("build", "-t", reference).digest
        process = large.start("push", reference)
        until(lambda: arrived(folder) > LARGE // 8 or process.poll() is not None)
        registry.stop()
        threading.Event().wait(0.5)
        registry.start()
        done = ended(process)
        if done.code:
            done.failed(registry.host)
        assert large("push", reference).digest == built
        with Client() as client:
            layout = Layout.create(tmp_path / "pulled")
            entry = client.pull(Reference.parse(reference), layout, Platform.parse("linux/amd64"))
        assert str(entry.digest) == built
        assert validate(layout.image(entry)) == ()


def test_push_is_killed(large: Project, registry: RealRegistry) -> None:
    reference = f"{registry.host}/kills/push:1"
    built = large("build", "-t", reference).digest
    before = arrived(registry.folder)
    process = large.start("push", reference)
    until(lambda: arrived(registry.folder) > before + LARGE // 8 or process.poll() is not None)
    killed(process)
    assert large("push", reference).digest == built
    with Client() as client:
        there = client.manifest(Reference.parse(reference), Platform.parse("linux/amd64"))
        assert str(there.digest) == built
        assert all(client.has_blob(Reference.parse(reference), b.digest) for b in there.blobs)


@pytest.fixture
def tiny_disk(tmp_path: Path, root: None) -> Iterator[Path]:
    """A disk with less room than the image needs."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=90m", "none", str(folder)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_the_disk_is_full(large: Project, digest: str, tiny_disk: Path) -> None:
    large.environ["COGSMITH_STORE"] = str(tiny_disk / "store")
    large("build", "-t", NAME, check=False).failed("No space left on device")
    assert names(large) == {}
    subprocess.run(["mount", "-o", "remount,size=1g", str(tiny_disk)], check=True)
    assert large("build", "-t", NAME).digest == digest
    large.image(NAME)


def test_two_builds_at_once(large: Project, digest: str) -> None:
    both = [large.start("build", "-t", NAME) for _ in range(2)]
    assert [ended(process).digest for process in both] == [digest, digest]
    large.image(NAME)


def test_two_projects_at_once(small: Project, tmp_path: Path) -> None:
    """One store, one cache, other code: each gets its own image."""
    other = small.twin(tmp_path / "other", COGSMITH_STORE=str(small.store))
    code = other.folder / "predict.py"
    code.write_text(code.read_text() + "# another\n")
    first, second = small.start("build", "-t", "one/model:1"), other.start("build", "-t", "two/m:1")
    one, two = ended(first).digest, ended(second).digest
    assert one != two
    assert str(small.image("one/model:1").digest) == one
    assert str(small.image("two/m:1").digest) == two


def test_an_index_has_another_file(small_template: Project, tmp_path: Path) -> None:
    """The lock names a hash; the file behind the name is another one now."""
    wheel = make_wheel(tmp_path / "wheels", "thing", "1.0")
    environ = {**small_template.environ, "UV_FIND_LINKS": str(tmp_path / "wheels"),
               "COGSMITH_STORE": str(tmp_path / "store"),
               "COGSMITH_CACHE_DIR": str(tmp_path / "cache")}  # fmt: skip
    project = write(tmp_path / "model", environ, packages=["thing==1.0"])
    project("lock")
    right = wheel.read_bytes()
    wheel.write_bytes(right.replace(b"VERSION = '1.0'", b"VERSION = '6.6'"))
    done = project("build", "-t", NAME, check=False)
    done.failed("thing")
    assert names(project) == {}
    wheel.write_bytes(right)
    project("build", "-t", NAME)
    project.image(NAME)


@pytest.mark.parametrize("fault", ["cut once", "never comes", "damaged"])
def test_the_base_comes_broken(small: Project, base_image: Image, fault: str) -> None:
    with FakeRegistry() as fake:
        small.environ["COGSMITH_BASE_IMAGE"] = push_base(fake.host, base_image)
        big = max(base_image.layers, key=lambda layer: layer.size)
        match = f"GET /v2/.*/blobs/{big.digest}"
        how = {"cut once": {"cut_reply": 1_000_000}, "never comes": {"cut_reply": 0},
               "damaged": {"damage": True}}[fault]  # fmt: skip
        fake.fail(match, times=1 if fault == "cut once" else 10_000, **how)
        done = small("build", "-t", NAME, check=False)
        if fault == "cut once":
            assert done.digest
        else:
            done.failed(fake.host)
            assert names(small) == {}
            fake.faults.clear()
            small("build", "-t", NAME)
        small.image(NAME)


def names(project: Project) -> dict[str, str]:
    """What the store's images are called, and their digests; every one of them is whole."""
    if not (project.store / "oci-layout").exists():
        return {}
    layout = Layout.at(project.store)
    found = {}
    for reference, entry in layout.references().items():
        if reference.familiar != NAME:
            continue  # the base image
        assert validate(layout.image(entry)) == ()
        found[reference.familiar] = str(entry.digest)
    return found


def killed(process: subprocess.Popen[str]) -> Done:
    """SIGKILL to the command and all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    return ended(process)


def arrived(folder: Path) -> int:
    """Bytes of a registry's blobs, those under way as well."""
    total = 0
    for path in folder.rglob("data"):
        try:
            total += path.stat().st_size
        except OSError:
            continue  # it was under way, and has arrived
    return total


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)
