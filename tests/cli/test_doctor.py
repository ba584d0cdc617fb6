"""``cogsmith doctor``: what Cog's own tests look for, and what a person sees besides."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cogsmith.cli.main import main
from tests.doctor.projects import NEWER, PREDICTOR, RUNNER, STARTER
from tests.doctor.test_imports import OLD as OLD_IMPORT
from tests.doctor.test_outputs import NEW as NEW_OUTPUT
from tests.doctor.test_outputs import OLD as OLD_OUTPUT

Doctor = Callable[..., tuple[int, str]]


@pytest.fixture
def doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Doctor:
    """Write files, and run the command there: exit code and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COGSMITH_CACHE_DIR", str(tmp_path.parent / "cache"))
    monkeypatch.setenv("COG_SKIP_DOCKER_CHECK", "1")

    def run(*words: str, **files: str) -> tuple[int, str]:
        for name, text in files.items():
            Path(f"{name}.{'yaml' if name == 'cog' else 'py'}").write_text(text)
        code: Any = 0
        try:
            main(["doctor", *words])
        except SystemExit as ended:
            code = ended.code
        told = capsys.readouterr()
        assert told.out == "" or "--json" in words
        return code, told.err if "--json" not in words else told.out

    return run


# --- what programs look for: ../shared/facts/cog-messages.md, "doctor"


def test_nothing_found(doctor: Doctor) -> None:
    code, said = doctor(cog=NEWER, run=RUNNER)
    assert code == 0
    assert "experimental" in said
    assert "no issues found" in said


def test_packages_in_the_config(doctor: Doctor) -> None:
    config = STARTER.replace("build:", "build:\n  python_packages: [torch==2.0.0]")
    code, said = doctor(cog=config, predict=PREDICTOR)
    assert code == 0
    assert "python_packages" in said
    assert "deprecated" in said
    assert "Found 1 warning" in said


def test_older_names(doctor: Doctor) -> None:
    code, said = doctor(cog=STARTER, predict=PREDICTOR)
    assert code == 0
    assert "Deprecated predict interface names" in said
    assert "predict in cog.yaml is deprecated" in said
    assert "here both words are good" in said
    code, said = doctor("--fix")
    assert code == 0
    assert "Fixed: Deprecated predict interface names" in said
    assert sorted(path.name for path in Path().iterdir()) == ["cog.yaml", "run.py"]
    assert 'run: "run.py:Runner"' in Path("cog.yaml").read_text()
    assert Path("run.py").read_text() == RUNNER
    code, said = doctor()
    assert code == 0
    assert "no issues found" in said


def test_a_removed_import(doctor: Doctor) -> None:
    code, said = doctor(cog=NEWER, run=OLD_IMPORT)
    assert code == 1
    assert "ExperimentalFeatureWarning" in said
    assert "removed" in said
    assert "doctor --fix mends 1 of them" in said
    code, said = doctor("--fix")
    assert code == 0
    assert "Fixed" in said
    assert Path("run.py").read_text() == RUNNER
    assert "no issues found" in doctor()[1]


def test_an_output_of_pydantic(doctor: Doctor) -> None:
    code, said = doctor(cog=NEWER, run=OLD_OUTPUT)
    assert code == 1
    assert "pydantic.BaseModel" in said
    assert "cog.BaseModel" in said
    code, said = doctor("--fix")
    assert code == 0
    assert "Fixed" in said
    assert Path("run.py").read_text() == NEW_OUTPUT
    assert "no issues found" in doctor()[1]


def test_the_predictors_file_is_missing(doctor: Doctor) -> None:
    code, said = doctor(cog=STARTER)
    assert code == 1
    assert "predict.py not found" in said
    code, said = doctor("--fix")
    assert code == 1
    assert "predict.py not found" in said
    assert "Remediation: Create predict.py or update the predict field in cog.yaml" in said
    assert "no auto-fix available" not in said
    assert "file does not exist" not in said  # it is told once, in these words


def test_the_predictors_class_is_missing(doctor: Doctor) -> None:
    code, said = doctor(cog=STARTER.replace(":Predictor", ":Llama"), predict=PREDICTOR)
    assert code == 1
    assert '"Llama" not found in predict.py' in said


def test_the_newer_file_is_there_already(doctor: Doctor) -> None:
    code, said = doctor("--fix", cog=STARTER, predict=PREDICTOR, run="# theirs")
    assert code == 1
    assert "run.py already exists" in said
    assert Path("run.py").read_text() == "# theirs"
    assert Path("cog.yaml").read_text() == STARTER


# --- what else there is


def test_all_that_can_be_mended_is_mended_at_once(doctor: Doctor) -> None:
    old = OLD_OUTPUT + OLD_IMPORT.partition("import BaseRunner")[2].partition("\n\n\n")[0]
    old = old.replace("BaseRunner", "BasePredictor").replace("Runner", "Predictor")
    old = "import warnings\n" + old.replace("def run(", "def predict(")
    code, said = doctor("--fix", cog=STARTER, predict=old)
    assert code == 0
    assert said.count("Fixed: ") == 3
    assert Path("run.py").read_text().strip() == NEW_OUTPUT.strip()


def test_a_config_that_cannot_be_read(doctor: Doctor) -> None:
    code, said = doctor(cog="predict: [1\nbuild: x")
    assert code == 1
    assert "is not YAML" in said
    code, said = doctor(cog=STARTER + "gpus: 3\n", predict=PREDICTOR)
    assert code == 1
    assert "gpus" in said


def test_a_type_that_no_input_may_have(doctor: Doctor) -> None:
    code, said = doctor(cog=STARTER, predict=PREDICTOR.replace("s: str", "s: set"))
    assert code == 1
    assert "predict.py:5" in said


def test_programs_get_json(doctor: Doctor) -> None:
    code, said = doctor("--json", cog=NEWER, run=OLD_IMPORT)
    told = json.loads(said)
    assert code == 1
    assert (told["errors"], told["warnings"], told["fixed"]) == (1, 0, [])
    [error] = [one for one in told["findings"] if one["severity"] == "error"]
    assert (error["topic"], error["where"], error["fixable"]) == ("imports", "run.py:3", True)
    assert json.loads(doctor("--json", "--fix")[1])["fixed"][0] == error


def test_a_model_is_chosen_by_its_name(doctor: Doctor) -> None:
    doctor(cog=NEWER, run=RUNNER)
    Path("cog.big.yaml").write_text(NEWER.replace("run.py", "big.py"))
    code, said = doctor("big")
    assert code == 1
    assert "Create big.py or update the run field in cog.big.yaml" in said
    assert doctor("-f", "cog.yaml")[0] == 0
    assert doctor("big", "-f", "cog.yaml")[0] == 2
    assert doctor("small")[0] == 1


def test_secrets_in_the_context(doctor: Doctor) -> None:
    Path(".env").write_text("TOKEN=1")
    assert ".env: goes into the image" in doctor(cog=NEWER, run=RUNNER)[1]
    Path(".dockerignore").write_text(".env\n")
    assert "goes into the image" not in doctor()[1]


def test_a_registry_that_does_not_answer_is_a_warning(doctor: Doctor) -> None:
    code, said = doctor(cog=f"{NEWER}image: 127.0.0.1:9/ada/llama\n", run=RUNNER)
    assert code == 0
    assert "warning  Registry" in said
    assert "127.0.0.1:9" in said


def test_docker_where_it_is_needed(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COG_SKIP_DOCKER_CHECK")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    config = NEWER.replace("build:", "build:\n  run: [echo hello]")
    code, said = doctor(cog=config, run=RUNNER)
    assert code == 0
    assert "warning  Docker" in said
    assert "note     Docker" in doctor(cog=NEWER)[1]


def test_the_driver_is_asked(
    doctor: Doctor, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path_factory.mktemp("bin")
    table = "Driver Version: 470.1  CUDA Version: 11.4"
    smi = programs / "nvidia-smi"
    smi.write_text(f'#!/bin/sh\n[ $# -gt 0 ] && echo "Tesla K80, 3.7" || echo "{table}"\n')
    smi.chmod(0o755)
    sh = shutil.which("sh")
    assert sh
    monkeypatch.setenv("PATH", f"{programs}:{Path(sh).parent}")
    monkeypatch.setenv("COGSMITH_GPU", "1")
    lock = 'lock-version = "1.0"\ncreated-by = "x"\n'
    for name, version in (("torch", "2.6.0+cu124"),):
        lock += f'[[packages]]\nname = "{name}"\nversion = "{version}"\n'
        lock += '[packages.archive]\nurl = "https://x.example/t.tar.gz"\nhashes = {sha256 = "0"}\n'
    Path("pylock.toml").write_text(lock)
    code, said = doctor(cog=NEWER.replace("build:", "build:\n  gpu: true"), run=RUNNER)
    assert code == 0
    assert "the driver 470.1 runs CUDA up to 11.4" in said
    monkeypatch.setenv("COG_SKIP_GPU_CHECK", "1")
    assert "470.1" not in doctor()[1]
