"""``cogsmith ci init``: what it finds in a repository, what it writes, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cogsmith import __version__
from cogsmith.cli.main import main

CONFIG = 'build:\n  python_version: "3.11"\npredict: predict.py:Predictor\n'
DEPLOY = "name: hello\nmodel: registry.example.com/ada/hello\ntargets:\n  swarm: {}\n"
Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cog.yaml").write_text(CONFIG)
    (tmp_path / "predict.py").write_text("class Predictor: ...\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Exit code, standard output and standard error of ``cogsmith ci init ...``."""

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["ci", "init", *words])
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return run


def steps(project: Path, job: str = "model") -> dict[str, Any]:
    """The scripts of a job by the names of its steps."""
    read = yaml.safe_load((project / ".github" / "workflows" / "models.yml").read_text())
    return {step["name"]: step["run"] for step in read["jobs"][job]["steps"] if "run" in step}


@pytest.mark.parametrize(
    ("platform", "path"), [("github", ".github/workflows/models.yml"), ("gitlab", ".gitlab-ci.yml")]
)
def test_a_pipeline_is_written_once(project: Path, said: Said, platform: str, path: str) -> None:
    code, out, err = said(platform)
    assert (code, out) == (0, "")
    assert f"made {path}" in err
    written = project / path
    assert f"cogsmith=={__version__}" in written.read_text()
    written.write_text("mine")
    code, out, err = said(platform)
    assert code == 2
    assert f"{path} is already there" in err
    assert written.read_text() == "mine"
    code, out, err = said(platform, "--stdout")
    assert code == 0
    assert written.read_text() == "mine"
    assert said(platform, "--force")[0] == 0
    assert written.read_text() == out


@pytest.mark.parametrize("word", ["--stdout", "--dry-run"])
def test_a_look_writes_nothing(project: Path, said: Said, word: str) -> None:
    code, out, _ = said("gitlab", word)
    assert code == 0
    assert yaml.safe_load(out)["model"]["script"]
    assert sorted(path.name for path in project.iterdir()) == ["cog.yaml", "predict.py"]


def test_it_fits_what_is_there(project: Path, said: Said) -> None:
    """No lock, no cases, no deployment; then all of them."""
    said("github")
    text = (project / ".github" / "workflows" / "models.yml").read_text()
    assert "COGSMITH_LOCKED" not in text
    assert "--fuzz" in steps(project)["Test"]
    assert "deploy:" not in text
    (project / "pylock.toml").write_text("")
    (project / "tests").mkdir()
    (project / "tests" / "cases.yaml").write_text("[]")
    (project / "deploy.yaml").write_text(DEPLOY)
    code, _, err = said("github", "--force")
    assert code == 0
    text = (project / ".github" / "workflows" / "models.yml").read_text()
    assert 'COGSMITH_LOCKED: "1"' in text
    assert steps(project)["Test"] == "cogsmith test"
    assert "-f deploy.yaml -t swarm --model" in steps(project, "promote")["Deploy"]
    for name in ("DOCKER_HOST", "SSH_KEY", "production", "reviewers"):
        assert name in err
    (project / "deploy.production.yaml").write_text(DEPLOY)
    said("github", "--force")
    assert "-f deploy.yaml" in steps(project, "deploy")["Deploy"]
    assert "-f deploy.production.yaml" in steps(project, "promote")["Deploy"]


def test_each_model_is_one_of_the_matrix(project: Path, said: Said) -> None:
    (project / "cog.Flan_T5.yaml").write_text(CONFIG)
    (project / "deploy.Flan_T5.yaml").write_text(DEPLOY.replace("swarm", "kubernetes"))
    code, out, err = said("github", "--stdout")
    assert code == 0
    jobs = yaml.safe_load(out)["jobs"]
    assert jobs["model"]["strategy"]["matrix"]["include"] == [
        {"name": "cog.yaml", "path": ""},
        {"name": "Flan_T5", "path": "/flan-t5"},
    ]
    [deployed] = jobs["deploy"]["strategy"]["matrix"]["include"]
    assert deployed["target"] == "kubernetes"
    assert "KUBECONFIG" in err


def test_managed_weights_are_pulled_before_the_test(project: Path, said: Said) -> None:
    weights = "weights: [{name: a, source: {uri: hf://ada/a}, target: /src/weights/a}]\n"
    (project / "cog.yaml").write_text(CONFIG + weights)
    said("github")
    names = list(steps(project))
    assert names.index("Log in") < names.index("Weights") < names.index("Test")


def test_another_registry_needs_a_login_of_its_own(project: Path, said: Said) -> None:
    code, out, err = said("github", "--stdout", "--image", "registry.example.com/ada/hello")
    assert code == 0
    assert "IMAGE: registry.example.com/ada/hello" in out
    assert "cogsmith login registry.example.com" in out
    assert "ghcr.io" not in out
    assert "packages:" not in out
    assert "REGISTRY_TOKEN" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--image", "Registry/UPPER"), "--image"),
        (("--image", "registry.example.com/ada/hello:1"), "tags are made by the pipeline"),
        (("--branch", "a b: c"), "--branch"),
    ],
    ids=["no name", "a tag", "no branch"],
)
def test_what_cannot_be_is_refused(
    project: Path, said: Said, words: tuple[str, ...], told: str
) -> None:
    code, _, err = said("github", *words)
    assert code == 2
    assert told in err
    assert not (project / ".github").exists()


def test_what_is_wrong_in_the_repository_is_told(
    project: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "deploy.yaml").write_text("name: hello\nmodel: ada/hello\ntargets: {swrm: {}}\n")
    code, _, err = said("github")
    assert (code, (project / ".github").exists()) == (1, False)
    assert "deploy.yaml" in err
    (project / "cog.yaml").write_text("build: 7\n")
    assert said("github")[0] == 1
    (project / "elsewhere").mkdir()
    monkeypatch.chdir(project / "elsewhere")
    code, _, err = said("github")
    assert code == 1
    assert "no cog.yaml" in err
