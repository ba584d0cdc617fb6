"""A small model's way: built, pushed, pulled by Docker and by podman, run by both; and the tools
that read images find nothing to complain about."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogsmith.oci import Platform, Reference
from cogsmith.registry import Client
from tests.real.engines import Container, Engine
from tests.real.projects import Project
from tests.real.wire import get, predict, stream
from tests.registry.real import RealRegistry

pytestmark = [pytest.mark.network, pytest.mark.registry]


@pytest.fixture(scope="module")
def pushed(
    small_template: Project, tmp_path_factory: pytest.TempPathFactory, registry: RealRegistry
) -> str:
    """The small model's image in the registry, for all tests of this module."""
    project = small_template.twin(tmp_path_factory.mktemp("pushed") / "model")
    reference = f"{registry.host}/real/small:1"
    built = project("build", "-t", reference).digest
    assert project("push", reference).digest == built
    assert str(project.image(reference).digest) == built
    with Client() as client:
        there = client.manifest(Reference.parse(reference), Platform.parse("linux/amd64"))
    assert str(there.digest) == built
    return reference


@pytest.fixture(scope="module")
def pulled(docker: Engine, pushed: str) -> Iterator[str]:
    docker.pull(pushed)
    yield pushed
    docker("rmi", "-f", pushed)


@pytest.fixture
def in_docker(docker: Engine, pulled: str) -> Iterator[Container]:
    with docker.running(pulled) as container:
        yield container


@pytest.mark.docker
def test_in_docker(in_docker: Container) -> None:
    answers(in_docker)
    stops(in_docker)


def test_in_podman(podman: Engine, pushed: str) -> None:
    podman.pull(pushed)
    with podman.running(pushed) as container:
        answers(container)
        stops(container)


def answers(container: Container) -> None:
    address = container.address
    assert predict(address, text="hey ")["output"] == ["hey "] * 3
    events = list(stream(address, text="hey ", times=4, pause=0.2))
    said = [event for event in events if event.name == "output"]
    assert len(said) == 4
    # Each word comes when it is said, and not all of them at the end.
    assert said[-1].at - said[0].at > 0.3
    assert get(address, "/openapi.json").json()["info"]["title"]


def stops(container: Container) -> None:
    """SIGTERM is heeded: by the server, through whatever is process 1."""
    assert container.stop() == 0


@pytest.mark.docker
def test_nobody_is_root_in_it(in_docker: Container) -> None:
    who = in_docker.engine(
        "exec",
        in_docker.name,
        "/opt/venv/bin/python",
        "-c",
        "import os, pwd; print(os.getuid(), os.getcwd(), os.path.expanduser('~'))",
    )
    uid, folder, home = who.split()
    assert (uid != "0", folder) == (True, "/src")
    in_docker.engine(
        "exec",
        in_docker.name,
        "/opt/venv/bin/python",
        "-c",
        f"open('{home}/kept', 'w').close(); open('/src/made', 'w').close()",
    )


@pytest.mark.docker
def test_its_health_is_known(in_docker: Container) -> None:
    end = time.monotonic() + 60
    while in_docker.inspect()["State"]["Health"]["Status"] != "healthy":
        assert time.monotonic() < end, in_docker.inspect()["State"]["Health"]
        time.sleep(0.2)


@pytest.mark.docker
def test_a_killed_child_of_the_model_is_reaped(in_docker: Container) -> None:
    """Process 1 waits for orphans: none stays a zombie."""
    python = "/opt/venv/bin/python"
    orphan = "import os, time\nif os.fork() == 0:\n    time.sleep(0.1)\n"
    in_docker.engine("exec", in_docker.name, python, "-c", orphan)
    ask = (
        "import pathlib\n"
        "print([p.name for p in pathlib.Path('/proc').glob('[0-9]*')"
        " if ') Z ' in (p / 'stat').read_text()])"
    )
    end = time.monotonic() + 30
    while (left := in_docker.engine("exec", in_docker.name, python, "-c", ask).strip()) != "[]":
        assert time.monotonic() < end, left
        time.sleep(0.1)


def test_skopeo_reads_it(pushed: str) -> None:
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is not installed")
    words = ["skopeo", "inspect", "--tls-verify=false", f"docker://{pushed}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["Os"], told["Architecture"]) == ("linux", "amd64")
    assert {"run.cog.config", "run.cog.openapi_schema", "run.cog.version"} <= told["Labels"].keys()


def test_umoci_unpacks_it(pushed: str, tmp_path: Path) -> None:
    if shutil.which("umoci") is None or shutil.which("skopeo") is None:
        pytest.skip("umoci or skopeo is not installed")
    copy = ["skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{pushed}",
            f"oci:{tmp_path}/layout:1"]  # fmt: skip
    unpack = ["umoci", "unpack", "--rootless", "--image", f"{tmp_path}/layout:1",
              f"{tmp_path}/bundle"]  # fmt: skip
    for words in copy, unpack:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    root = tmp_path / "bundle" / "rootfs"
    assert (root / "src" / "predict.py").exists()
    assert (root / "opt" / "venv" / "lib" / "python3.11" / "site-packages" / "cog").is_dir()
