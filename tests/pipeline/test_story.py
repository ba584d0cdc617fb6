"""The workflow, done: from a clean clone to a model that is served, called and rolled back.

The steps are those of the file that ``cogsmith ci init github`` writes, run one after the other as
GitHub's runner would; the registry, the image, Docker's engine and the deployment are real.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.pipeline.runner import Ran, Runner
from tests.real.engines import Engine
from tests.real.projects import COGSMITH, Project
from tests.real.wire import predict
from tests.registry.real import RealRegistry

pytestmark = [
    pytest.mark.slow,
    pytest.mark.network, pytest.mark.registry, pytest.mark.docker, pytest.mark.timeout(900),
]  # fmt: skip

DEPLOY = """\
name: hello
model: {image}
probes:
  startup: {{path: /readyz, period: 1, failures: 60}}
  readiness: {{path: /readyz, period: 1}}
rollout: {{timeout: 120, watch: 1, tests: tests}}
targets:
  swarm: {{publish: host}}
"""
CASES = """\
- name: says it again
  input: {text: "hey ", times: 2}
  expect: {exact: "hey hey "}
"""
# A person's git has a name; nothing of the machine's own settings is heard.
GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com",
}  # fmt: skip


@dataclass
class Repository:
    """Where the model is written, and the machine that does what its workflow says."""

    folder: Path
    scratch: Path
    environ: dict[str, str]

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env={**os.environ, **GIT}, text=True,
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, subject: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def changed(self, old: str, new: str) -> None:
        path = self.folder / "predict.py"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def runner(self, subject: str, number: int | None = None) -> Runner:
        """A fresh machine with a clean clone; ``number`` is the pull request's, if it is one."""
        home = self.scratch / uuid4().hex
        (home / "bin").mkdir(parents=True)
        _programs(home / "bin")
        clone = home / "clone"
        self.git("clone", "--quiet", str(self.folder), str(clone))
        event: dict[str, Any] = {"head_commit": {"message": subject}}
        if number:
            event = {"number": number, "pull_request": {"title": subject}}
        github = {
            "event": event, "actor": "ada", "repository": "Ada/Hello",
            "event_name": "pull_request" if number else "push",
            "ref": f"refs/pull/{number}/merge" if number else "refs/heads/main",
            "sha": self.git("rev-parse", "HEAD"),
        }  # fmt: skip
        return Runner(
            clone, home, github, {"REGISTRY_TOKEN": "sesame"}, {"REGISTRY_USER": "ada"},
            {**self.environ, "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
             "COGSMITH_STORE": str(self.scratch / "store"), "DOCKER_CONFIG": str(home / "docker")},
        )  # fmt: skip

    def cogsmith(self, *words: str) -> None:
        Project(self.folder, self.environ)(*words)

    def deployed(self, subject: str, engine: str) -> Runner:
        """A push to main, whose model is deployed and then promoted; each job on a fresh machine.

        An engine that can be reached without ssh stands in the variables of the repository.
        """
        ran = self.push(subject)
        assert ran.code == 0, ran.log
        for job in ("deploy", "promote"):
            runner = self.runner(subject)
            runner.variables = {**runner.variables, "DOCKER_HOST": engine}
            done = runner.job(job, needs={"model": ran})
            assert done.code == 0, done.log
            assert done.steps == ["Install", "Log in", "Reach the engine", "Deploy"]
            assert ran.outputs["digest"] in done.log
        return runner

    def push(self, subject: str, number: int | None = None) -> Ran:
        """What the platform does at a push: the job that checks, tests, builds and pushes."""
        return self.runner(subject, number).job("model")


def _programs(folder: Path) -> None:
    """Cogsmith as it is here; and a pip without work, if it is a release of ours that it gets."""
    (folder / "cogsmith").symlink_to(COGSMITH)
    pip = folder / "pip"
    pip.write_text('#!/bin/sh\ncase "$*" in "install cogsmith=="[0-9]*) ;; *) exit 1 ;; esac\n')
    pip.chmod(0o755)


@pytest.fixture
def place(registry: RealRegistry) -> str:
    """A repository of images that nobody else has."""
    return f"{registry.host}/ada/hello-{uuid4().hex[:8]}"


@pytest.fixture
def repository(small_template: Project, tmp_path: Path, place: str) -> Repository:
    """The small model with cases and a lock, under version control, with its pipeline."""
    project = small_template.twin(tmp_path / "hello")
    (project.folder / "tests").mkdir()
    (project.folder / "tests" / "cases.yaml").write_text(CASES)
    (project.folder / ".gitignore").write_text("__pycache__\n.cog\n")
    project("ci", "init", "github", "--image", place)
    made = Repository(project.folder, tmp_path / "runners", dict(project.environ))
    made.git("init", "--quiet", "--initial-branch", "main")
    made.commit("A first model")
    return made


def test_from_a_clean_clone_to_an_image(repository: Repository, docker: Engine, place: str) -> None:
    ran = repository.push("A first model")
    assert ran.code == 0, ran.log
    assert ran.steps == [
        "Install", "Log in", "Check", "Test", "Build", "Push", "Name it latest",
        "Keep the cache small",
    ]  # fmt: skip
    digest = re.findall(r"sha256:[0-9a-f]{64}", ran.summary)[0]
    latest = f"{place}:latest"
    docker.pull(latest)
    try:
        assert f"{place}@{digest}" in docker.image(latest)["RepoDigests"]
        with docker.running(latest) as container:
            assert predict(container.address, text="ho ", times=1)["output"] == ["ho "]
    finally:
        docker("rmi", "-f", latest, check=False)


def test_deployed_called_and_rolled_back(repository: Repository, swarm: str, place: str) -> None:
    """Each push to main is deployed by its digest, promoted, and can be taken back."""
    (repository.folder / "deploy.yaml").write_text(DEPLOY.format(image=place))
    repository.cogsmith("ci", "init", "github", "--image", place, "--force")
    repository.commit("Deploy it")
    runner = repository.deployed("Deploy it", swarm)
    assert said(runner, swarm) == "hey hey "
    repository.changed("yield text", "yield text.upper()")
    cases = CASES.replace('"hey hey "', '"HEY HEY "')
    (repository.folder / "tests" / "cases.yaml").write_text(cases)
    repository.commit("Louder")
    runner = repository.deployed("Louder", swarm)
    assert said(runner, swarm) == "HEY HEY "
    back = runner.shell("cogsmith deploy rollback", DOCKER_HOST=swarm)
    assert back.returncode == 0, back.stdout
    assert said(runner, swarm) == "hey hey "


def said(runner: Runner, engine: str) -> str:
    """What the running model answers, asked where ``cogsmith deploy status`` says that it is."""
    status = runner.shell("cogsmith deploy status --json", DOCKER_HOST=engine)
    [replica] = json.loads(status.stdout)["replicas"]
    return "".join(predict(urlsplit(replica["address"]).netloc, text="hey ", times=2)["output"])


def test_a_pull_request_gets_an_image_of_its_own(repository: Repository, place: str) -> None:
    """It is compared with what main has; a change that breaks callers must say so."""
    first = repository.push("A first model")
    assert first.code == 0, first.log
    repository.changed("times: int = 3", "count: int = 3")
    repository.changed("range(times)", "range(count)")
    (repository.folder / "tests" / "cases.yaml").write_text(CASES.replace("times", "count"))
    repository.commit("Another name")
    refused = repository.push("Another name", number=7)
    assert refused.code == 1
    assert refused.steps[-1] == "Check"
    assert "breaking" in refused.log
    taken = repository.push("Another name (breaking)", number=7)
    assert taken.code == 0, taken.log
    assert "Name it latest" not in taken.steps
    assert f"{place}:pr-7" in taken.summary


def test_a_test_that_fails_ends_it(repository: Repository) -> None:
    repository.changed("yield text", "yield text.upper()")
    repository.commit("Louder")
    ran = repository.push("Louder")
    assert ran.code == 1
    assert ran.steps[-1] == "Test"
    assert "HEY" in ran.log
