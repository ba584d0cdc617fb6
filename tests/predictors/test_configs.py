"""The config files at the repository's top: what they name is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogsmith.config import available, load

ROOT = Path(__file__).parents[2]
CONFIGS = {path.name: load(path) for path in available(ROOT)}
each = pytest.mark.parametrize("name", sorted(CONFIGS))


def test_one_for_each_family() -> None:
    assert sorted(CONFIGS) == [
        "cog.flan-t5.yaml", "cog.llava.yaml", "cog.mistral.yaml", "cog.mixtral.yaml", "cog.yaml",
    ]  # fmt: skip


@each
def test_it_asks_for_a_gpu_and_pins_its_packages(name: str) -> None:
    build = CONFIGS[name].config.build
    assert build.gpu
    assert build.python_requirements
    lines = (ROOT / build.python_requirements).read_text("utf-8").splitlines()
    wanted = [line.split("#")[0].strip() for line in lines]
    assert all("==" in line for line in wanted if line)


@each
def test_its_predictor_is_there(name: str) -> None:
    path, _, kind = (CONFIGS[name].config.predictor or "").partition(":")
    assert f"class {kind}(" in (ROOT / path).read_text("utf-8")


@each
def test_its_checkpoint_is_one_that_the_repository_has_or_makes(name: str) -> None:
    folder = CONFIGS[name].config.variables()["MODEL_ID"].removeprefix("weights/")
    makers = (ROOT / "scripts" / "make_checkpoints.py").read_text("utf-8")
    assert folder == "stories-llama" or f'"{folder}"' in makers
