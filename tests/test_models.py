"""The models of this repository, run as a person runs them, in an environment made from a lock."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.network, pytest.mark.engine]
MODELS = {
    "flan-t5": "tiny-t5", "mistral": "tiny-mistral", "mixtral": "tiny-mixtral",
    "llava": "tiny-llava",
}  # fmt: skip
METRICS = {"input_token_count", "output_token_count", "time_to_first_token", "tokens_per_second"}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(command_environment: dict[str, str]) -> Run:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["cogsmith", *words], cwd=ROOT, env=command_environment, capture_output=True,
            text=True, timeout=280, check=False,
        )  # fmt: skip

    return run


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Path:
    """The tiny checkpoints, made by the script and in the way that the README names."""
    folder = tmp_path_factory.mktemp("checkpoints")
    cogsmith = Path(sys.executable).parent / "cogsmith"
    words = (cogsmith, "exec", "python", "scripts/make_checkpoints.py", "--out", folder)
    environment = {**os.environ, "COGSMITH_CACHE_DIR": str(shared_cache)}
    made = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    return folder


def test_the_first_answer_is_language_and_the_same_twice(run: Run) -> None:
    words = ("predict", "-i", "prompt=Once upon a time", "-i", "max_tokens=40")
    first, second, other = (run(*words, "-i", f"seed={seed}") for seed in (0, 0, 1))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout != other.stdout
    assert len(re.findall(r"\b(the|a|was|and|in|to)\b", first.stdout)) >= 4, first.stdout
    assert "seed: 0" in first.stderr


@pytest.mark.parametrize("model", MODELS)
def test_every_family_answers_and_measures_itself(
    model: str, run: Run, checkpoints: Path, tmp_path: Path
) -> None:
    inputs: dict[str, object] = {
        "prompt": "What is this?",
        "max_tokens": 8,
        "min_tokens": 2,
        "seed": 3,
    }
    if model == "llava":
        picture = tmp_path / "picture.png"
        picture.write_bytes(bytes.fromhex(PIXEL))
        inputs["image"] = f"@{picture}"
    source = checkpoints / MODELS[model]
    ran = run("predict", model, "-e", f"MODEL_ID={source}", "--json", json.dumps(inputs))
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["status"] == "succeeded"
    assert told["metrics"].keys() >= METRICS
    assert 2 <= told["metrics"]["output_token_count"] <= 8


def test_the_engine_refuses_with_a_code_and_advice(run: Run) -> None:
    ran = run("predict", "-i", "prompt=" + "very long " * 600)
    assert ran.returncode == 1
    assert "E1002" in ran.stderr
    assert "hint:" in ran.stderr
    assert "Traceback" not in ran.stderr


# One red pixel as a PNG.
PIXEL = (
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63382127070002b6010534a675aa0000000049454e44ae426082"
)
