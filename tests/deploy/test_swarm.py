"""Swarm, for real: three replicas behind one port, replaced under load, and nobody notices."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.deploy.load import Load, under_load
from tests.deploy.place import Place, place
from tests.registry.real import RealRegistry, free_data_port, free_port

pytestmark = [pytest.mark.slow, pytest.mark.docker, pytest.mark.network, pytest.mark.registry]

# Swarm's own balancing needs a kernel with IPVS, which containers of CI seldom have. So the
# replicas have a name that leads to each of them (dnsrr), and a front of the tests' own is the
# one port before it.
DEPLOY = """\
    name: hello
    model: {image}
    replicas: 3
    drain: 10
    environment: {{COGSMITH_QUEUE: 50}}
    secrets:
      GREETING: {{env: TEST_GREETING}}
    probes:
      startup: {{path: /readyz, period: 1, failures: 20}}
      readiness: {{path: /readyz, period: 1}}
    rollout: {{timeout: 120, watch: 2, tests: cases, trial: {trial}}}
    targets:
      swarm: {{publish: host, network: models}}
"""
PATIENCE = 60.0


@pytest.fixture(scope="module")
def here(
    registry: RealRegistry, base_reference: str, shared_cache: object, missing: dict[str, str]
) -> Iterator[Place]:  # fmt: skip
    for need in ("network", "docker"):
        if need in missing:
            pytest.skip(missing[need])
    environment = {"COGSMITH_CACHE_DIR": str(shared_cache), "TEST_GREETING": "sesame"}
    with place(registry.host, base_reference, environment) as made:
        words = ["--advertise-addr", "127.0.0.1", "--listen-addr", f"127.0.0.1:{free_port()}"]
        made.docker("swarm", "init", *words, "--data-path-port", str(free_data_port()))
        yield made


@pytest.fixture(scope="module")
def port(here: Place, base_reference: str) -> int:
    return here.front(base_reference, "hello")


@pytest.fixture
def running(here: Place, port: int) -> Place:
    """Version one runs; tests leave it as they like."""
    here.write(DEPLOY.format(image=here.image("one"), trial="true"))
    here.deploy("apply")
    return here


def nothing_lost(load: Load) -> None:
    assert load.failures == []
    assert load.answers


def said(load: Load) -> set[str]:
    return {answer.removeprefix("hello from ") for answer in load.answers}


def digests(status: dict[str, object]) -> set[str]:
    return {one["digest"] for one in status["replicas"]}  # type: ignore[index, attr-defined]


def test_a_rolling_update_and_a_rollback_under_load_lose_nothing(running: Place, port: int) -> None:
    assert running.status()["ready"] == 3
    with under_load(port) as load:
        applied = running.deploy("apply", "--model", running.image("two"))
    nothing_lost(load)
    assert said(load) == {"one", "two"}
    assert "1 passed" in applied.stderr
    assert digests(running.status()) == {applied.stdout.strip()}
    with under_load(port) as load:
        back = running.deploy("rollback")
    nothing_lost(load)
    assert said(load) == {"one", "two"}
    assert digests(running.status()) == {back.stdout.strip()}
    assert running.deploy("diff", "--exit-code").stdout == ""


def test_applying_the_same_again_changes_nothing(running: Place) -> None:
    assert "nothing to do" in running.deploy("apply").stderr


def test_a_version_that_fails_its_tests_changes_nothing(running: Place, port: int) -> None:
    before = running.status()
    with under_load(port) as load:
        refused = running.deploy("apply", "--model", running.image("wrong"), code=1)
    nothing_lost(load)
    assert said(load) == {"one"}
    assert "the new version fails its tests" in refused.stderr
    assert running.status() == before
    assert "hello-trial" not in running.docker("stack", "ls")


def test_a_version_that_does_not_start_is_told_with_its_last_words(running: Place) -> None:
    before = running.status()
    refused = running.deploy("apply", "--model", running.image("broken"), code=1)
    assert "RuntimeError: the weights are broken" in refused.stderr
    assert running.status() == before


def test_a_broken_version_is_rolled_back_by_swarm_itself(running: Place, port: int) -> None:
    """Without a trial: the first new replica never gets healthy, and Swarm goes back."""
    before = digests(running.status())
    running.write(DEPLOY.format(image=running.image("broken"), trial="false"))
    with under_load(port) as load:
        refused = running.deploy("apply", code=1)
    nothing_lost(load)
    assert said(load) == {"one"}
    assert "Swarm brought back the version before" in refused.stderr
    after = running.status()
    assert (after["ready"], digests(after)) == (3, before)


def test_a_killed_replica_is_replaced(running: Place, port: int) -> None:
    label = "label=com.docker.swarm.service.name=hello_model"
    victim, *others = running.docker("ps", "--quiet", "--filter", label).split()
    assert len(others) == 2
    running.docker("kill", victim)
    end = time.monotonic() + PATIENCE
    while running.status()["ready"] < 3 or victim in running.docker("ps", "--quiet"):
        assert time.monotonic() < end
        time.sleep(0.5)
    with under_load(port, wait=0) as load:
        time.sleep(1)
    nothing_lost(load)


def test_a_secret_reaches_the_model_and_nobody_else(running: Place) -> None:
    service = running.docker("service", "inspect", "hello_model")
    assert "sesame" not in service
    assert "GREETING" in service
    names = running.docker("secret", "ls", "--format", "{{.Name}}").split()
    assert any(name.startswith("hello_GREETING_") for name in names)
    label = "label=com.docker.swarm.service.name=hello_model"
    container = running.docker("ps", "--quiet", "--filter", label).split()[0]
    script = "tr '\\0' '\\n' < /proc/$(ls /proc | grep -E '^[0-9]+$' | head -1)/environ"
    assert "GREETING=sesame" in running.docker("exec", container, "sh", "-c", script)


def test_logs_are_those_of_all_replicas(running: Place) -> None:
    lines = running.deploy("logs", "-n", "5").stdout.splitlines()
    assert len({line.split("@")[0] for line in lines if "listening at" in line}) >= 3


def test_a_dry_run_does_nothing(running: Place) -> None:
    before = running.status()
    shown = running.deploy("apply", "--dry-run", "--model", running.image("two"))
    assert "1. try one replica of it, without requests" in shown.stderr
    assert "+    image:" in shown.stdout
    assert running.status() == before


def test_what_is_not_ours_is_left_alone(here: Place, base_reference: str) -> None:
    here.write(DEPLOY.format(image=here.image("one"), trial="true").replace("hello", "theirs", 1))
    here.docker("service", "create", "--detach", "--name", "theirs_model", base_reference, "sleep")
    refused = here.deploy("apply", code=1)
    assert "theirs_model is there, and not ours" in refused.stderr


def test_a_first_version_that_does_not_start_is_taken_away(here: Place, port: int) -> None:
    text = DEPLOY.format(image=here.image("broken"), trial="true").replace("hello", "fresh", 1)
    here.write(text.replace("timeout: 120", "timeout: 15").replace("replicas: 3", "replicas: 1"))
    here.deploy("apply", code=1)
    assert "fresh" not in here.docker("stack", "ls")
