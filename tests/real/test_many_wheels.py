"""Environments of a hundred and of two hundred wheels: few layers, and every package is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogsmith.oci import Reference
from tests.environment.wheels import make_wheel
from tests.real.engines import Engine
from tests.real.projects import Project, write

pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.registry, pytest.mark.docker]

MOST = 100  # layers: room for those who build upon the image
IMPORT = """
import importlib
names = {names!r}
assert all(importlib.import_module(name).VERSION == "1.0" for name in names)
print(len(names))
"""


@pytest.mark.parametrize("count", [100, 200])
def test_many_wheels(count: int, docker: Engine, small_template: Project, tmp_path: Path) -> None:
    names = [f"many{number:03}" for number in range(count)]
    for name in names:
        make_wheel(tmp_path / "wheels", name, "1.0")
    environ = {**small_template.environ, "COGSMITH_STORE": str(tmp_path / "store"),
               "UV_FIND_LINKS": str(tmp_path / "wheels")}  # fmt: skip
    environ.pop("DOCKER_HOST")
    project = write(tmp_path / "model", environ, packages=[f"{name}==1.0" for name in names])
    reference = f"many/wheels-{count}:1"
    archive = tmp_path / "image.tar"
    project("build", "-t", reference, "-o", str(archive))
    assert len(project.image(reference).layers) <= MOST
    docker_name = Reference.parse(reference).familiar
    docker("load", "-q", "-i", str(archive))
    try:
        said = docker.output(docker_name, "/opt/venv/bin/python", "-c", IMPORT.format(names=names))
        assert said.split() == [str(count)]
    finally:
        docker("rmi", "-f", docker_name)
