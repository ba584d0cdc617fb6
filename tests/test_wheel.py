"""The wheel is whole: built, installed into a fresh environment, and used from there."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.network
UV = Path(sys.executable).parent / "uv"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(UV, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


def run(*words: str | Path, cwd: Path | None = None) -> str:
    ran = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_it_holds_the_package_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"cogsmith"}
    assert "cogsmith/py.typed" in names
    assert "cogsmith/cli/templates/new/dot-gitignore" in names
    assert not [name for name in names if "__pycache__" in name]


def test_it_works_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    run(UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    programs = tmp_path / "venv" / "bin"
    run(UV, "pip", "install", "--quiet", "--python", programs / "python", wheel)
    assert run(programs / "cog", "--version") == run(programs / "cogsmith", "--version")
    run(programs / "cogsmith", "init", "model", cwd=tmp_path)
    listed = run(programs / "cogsmith", "models", cwd=tmp_path / "model")
    assert "predict.py:Predictor" in listed
    assert '"x-order"' in run(programs / "cogsmith", "schema", cwd=tmp_path / "model")
