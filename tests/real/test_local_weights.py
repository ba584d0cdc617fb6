"""Weights that are kept in a registry, and a model that finds them on this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.real.projects import Project
from tests.registry.real import RealRegistry

pytestmark = [pytest.mark.network, pytest.mark.registry]

CONFIG = """\
build:
  python_version: "3.11"
predict: predict.py:Predictor
weights:
  - name: words
    source: {source}
    target: /src/weights/words
"""
PREDICTOR = """\
from pathlib import Path

from cog import BasePredictor


class Predictor(BasePredictor):
    def setup(self) -> None:
        self.text = (Path(__file__).parent / "weights" / "words" / "greeting.txt").read_text()

    def predict(self) -> str:
        return self.text
"""


@pytest.fixture
def project(tmp_path: Path, shared_cache: Path) -> Project:
    source = tmp_path / "elsewhere"
    source.mkdir()
    (source / "greeting.txt").write_text("good day")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "cog.yaml").write_text(CONFIG.format(source=f"file://{source}"))
    (folder / "predict.py").write_text(PREDICTOR)
    kept = {"COGSMITH_CACHE_DIR": str(shared_cache), "COG_CACHE_DIR": str(tmp_path / "kept")}
    return Project(folder, {**kept, "NO_COLOR": "1"})


def test_pulled_weights_are_where_the_code_looks_while_it_runs(
    project: Project, registry: RealRegistry, tmp_path: Path
) -> None:
    project("predict", check=False).failed("weights import")
    repository = f"{registry.host}/weights/here"
    project("weights", "import", "--image", repository)
    shutil.rmtree(tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "kept")
    project("predict", check=False).failed("weights pull")
    project("weights", "pull", "--image", repository)
    assert project("predict").out.strip() == "good day"
    assert not (project.folder / "weights" / "words").exists()
