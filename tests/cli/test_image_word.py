"""Which word names an image, and which a model of this repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogsmith.cli.image_word import image_named


@pytest.fixture
def repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_environment: dict[str, str]
) -> Path:
    for name, value in command_environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COGSMITH_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cog.yaml").write_text("predict: predict.py:Predictor\n")
    (tmp_path / "cog.flan-t5.yaml").write_text("predict: predict.py:Predictor\n")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "config").write_text("predict: predict.py:Predictor\n")
    return tmp_path


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    "word", ["me/model", "model:1", "localhost:5000/model", "model@sha256:00", "models/other"]
)
def test_images(word: str) -> None:
    assert image_named(word, None) == word


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    "word", [None, "flan-t5", "flan_t5", "flan-t6", "models/config", "no/such.yaml", "prompt=a/b"]
)
def test_models_and_files(word: str | None) -> None:
    assert image_named(word, None) is None


@pytest.mark.usefixtures("repository")
def test_a_config_that_is_named_wins() -> None:
    assert image_named("me/model:1", "cog.yaml") is None
