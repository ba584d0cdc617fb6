"""``cogsmith deploy`` from the outside, where no cluster is asked."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from cogsmith.oci import Reference
from cogsmith.registry import Client, Shipment
from cogsmith.testing.registry import FakeRegistry
from tests.registry.images import image_of

TEXT = """\
name: llama
model: {model}
secrets:
  TOKEN: {{env: DEPLOY_TOKEN}}
command: [serve]
targets:
  swarm:
  kubernetes:
"""


@dataclass
class Folder:
    """A folder with a deploy.yaml, and no engine."""

    path: Path
    environment: dict[str, str]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["cogsmith", "deploy", *words], cwd=self.path, text=True, capture_output=True,
            env={**os.environ, **self.environment}, check=False,
        )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, command_environment: dict[str, str]) -> Folder:
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock", "DOCKER_CONFIG": str(tmp_path)}
    (tmp_path / "deploy.yaml").write_text(TEXT.format(model="registry.example.com/ada/llama:1"))
    return Folder(tmp_path, {**command_environment, **nowhere})


def test_render_asks_the_registry_for_the_digest(folder: Folder) -> None:
    image = image_of(10)
    with FakeRegistry() as registry:
        model = f"{registry.host}/ada/llama:1"
        with Client() as client:
            client.push(client.plan_push(Reference.parse(model), Shipment.of(image)))
        ran = folder.run("render", "-t", "swarm", "--model", model)
    assert ran.returncode == 0, ran.stderr
    service = yaml.safe_load(ran.stdout)["services"]["model"]
    assert service["image"] == f"{registry.host}/ada/llama@{image.digest}"


def test_render_without_a_registry(folder: Folder) -> None:
    ran = folder.run("render", "-t", "kubernetes", "--no-resolve")
    assert ran.returncode == 0, ran.stderr
    documents = list(yaml.safe_load_all(ran.stdout))
    kinds = [document["kind"] for document in documents]
    assert kinds == ["Deployment", "Service", "PodDisruptionBudget"]
    container = documents[0]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "registry.example.com/ada/llama:1"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("render",), 2, "which target? there are swarm, kubernetes"),
        (("render", "-t", "compose"), 2, "deploy.yaml has no target compose"),
        (("render", "-t", "ecs"), 2, "is not one of"),
        (("render", "-t", "swarm", "--model", "A B"), 2, "does not name an image"),
        (("render", "-f", "other.yaml"), 1, "other.yaml: no such file"),
        (("status", "-t", "swarm"), 1, "point DOCKER_HOST"),
        (("rollback", "-t", "swarm"), 1, "point DOCKER_HOST"),
    ],
)
def test_what_does_not_fit_is_told(
    folder: Folder, words: tuple[str, ...], code: int, said: str
) -> None:
    ran = folder.run(*words)
    assert (ran.returncode, ran.stdout) == (code, ""), ran.stderr
    assert said in ran.stderr


def test_all_problems_of_the_file_are_told(folder: Folder) -> None:
    (folder.path / "deploy.yaml").write_text("name: llama\nreplica: 2\nport: http\n")
    ran = folder.run("render")
    assert ran.returncode == 1
    assert ran.stderr.count("error: deploy.yaml") == 4


def test_help_names_what_there_is(folder: Folder) -> None:
    ran = folder.run("--help")
    assert ran.returncode == 0
    for name in ("render", "diff", "apply", "status", "logs", "rollback"):
        assert f"  {name} " in ran.stdout
