"""Compose, for real: one replica, tried, replaced, brought back."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.deploy.place import Place, place
from tests.registry.real import RealRegistry, free_port

pytestmark = [pytest.mark.docker, pytest.mark.network, pytest.mark.registry]

DEPLOY = """\
    name: hello
    model: {image}
    port: {port}
    drain: 5
    environment: {{PRICE: "$5"}}
    secrets:
      GREETING: {{file: greeting.txt}}
      OTHER: {{env: TEST_OTHER}}
    probes:
      readiness: {{path: /readyz, period: 1}}
    rollout: {{timeout: 120, tests: cases}}
    targets:
      compose:
"""


@pytest.fixture(scope="module")
def here(
    registry: RealRegistry, base_reference: str, shared_cache: object, missing: dict[str, str]
) -> Iterator[Place]:
    for need in ("network", "docker"):
        if need in missing:
            pytest.skip(missing[need])
    if subprocess.run(
        ["docker", "compose", "version"], capture_output=True, check=False
    ).returncode:
        pytest.skip("Docker's compose plugin is not installed")
    environment = {"COGSMITH_CACHE_DIR": str(shared_cache), "TEST_OTHER": "open"}
    with place(registry.host, base_reference, environment) as made:
        (made.folder / "greeting.txt").write_text("sesame\n")
        yield made


def test_the_life_of_a_deployment(here: Place) -> None:
    here.write(DEPLOY.format(image=here.image("one"), port=free_port()))
    first = here.deploy("apply").stdout
    assert "nothing to do" in here.deploy("apply").stderr
    second = here.deploy("apply", "--model", here.image("two")).stdout
    assert second != first
    before = here.status()
    assert (before["ready"], before["replicas"][0]["digest"]) == (1, second.strip())
    for version, reason in (("wrong", "fails its tests"), ("broken", "the weights are broken")):
        refused = here.deploy("apply", "--model", here.image(version), code=1)
        assert reason in refused.stderr
        assert here.status() == before
    assert here.deploy("rollback").stdout == first
    assert "listening at" in here.deploy("logs").stdout
    _look_inside(here)
    (here.folder / "greeting.txt").write_text("another\n")
    assert here.deploy("apply").stdout == first
    assert "another" in _environment(here)


def _look_inside(here: Place) -> None:
    said = _environment(here)
    assert {"GREETING=sesame", "OTHER=open", "PRICE=$5"} <= set(said.splitlines())
    inspected = json.loads(here.docker("inspect", "hello-model-1"))
    assert "sesame" not in json.dumps(inspected)


def _environment(here: Place) -> str:
    script = "tr '\\0' '\\n' < /proc/1/environ"
    return here.docker("exec", "hello-model-1", "sh", "-c", script)
