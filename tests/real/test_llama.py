"""The Llama of this repository, with CPU torch: from the folder to tokens out of a container."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.real.engines import Engine
from tests.real.projects import Project
from tests.real.wire import predict, stream
from tests.registry.real import RealRegistry

pytestmark = [
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.registry,
    pytest.mark.docker,
    pytest.mark.engine,
]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("podman", ["root"], indirect=True)
def test_llama(
    small_template: Project, registry: RealRegistry, docker: Engine, podman: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "llama"
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "predictors", folder / "predictors", ignore=skipped)
    shutil.copytree(ROOT / "weights" / "stories-llama", folder / "weights" / "stories-llama")
    config = (ROOT / "cog.yaml").read_text().replace("gpu: true", "gpu: false")
    (folder / "cog.yaml").write_text(config)
    project = Project(folder, {**small_template.environ, "COGSMITH_STORE": str(tmp_path / "store")})
    reference = f"{registry.host}/real/llama:1"
    assert project("push", reference).digest == str(project.image(reference).digest)
    asked = {"prompt": "Once upon a time", "max_tokens": 24, "temperature": 0.0}
    told = []
    for engine in docker, podman:
        engine.pull(reference)
        try:
            with engine.running(reference) as container:
                told.append("".join(predict(container.address, **asked)["output"]))
                events = [e for e in stream(container.address, **asked) if e.name == "output"]
                assert len(events) > 8  # token by token
                assert container.stop() == 0
        finally:
            engine("rmi", "-f", reference)
    assert told[0] == told[1] != ""
