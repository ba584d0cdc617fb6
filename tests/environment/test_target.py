"""What a lock is resolved for, here and in the image."""

from __future__ import annotations

import pytest

from cogsmith.config import parse
from cogsmith.environment import Machine, Settings, Target, read_machine

LAPTOP = Machine(python="3.12", platform="macos-arm64", gpu=False)
GPU_BOX = Machine(python="3.12", platform="linux-x86_64", gpu=True)


def target(python: str, platform: str, accelerator: str) -> Target:
    return Target(python=python, platform=platform, accelerator=accelerator)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("build", "here", "image"),
    [
        ("{}", target("3.12", "linux-x86_64", "cpu"), target("3.13", "linux-x86_64", "cpu")),
        (
            "{gpu: true, python_version: '3.11'}",
            target("3.11", "linux-x86_64", "cuda"),
            target("3.11", "linux-x86_64", "cuda"),
        ),
        (
            "{python_version: '3.11.4'}",
            target("3.11", "linux-x86_64", "cpu"),
            target("3.11", "linux-x86_64", "cpu"),
        ),
    ],
)
def test_targets_on_a_gpu_machine(build: str, here: Target, image: Target) -> None:
    config = parse(f"build: {build}\npredict: predict.py:Predictor\n", where="cog.yaml")
    assert Target.here(config, GPU_BOX) == here
    assert Target.image(config) == image


def test_a_laptop_without_a_gpu() -> None:
    config = parse("build: {gpu: true}\npredict: predict.py:Predictor\n", where="cog.yaml")
    assert Target.here(config, LAPTOP) == target("3.12", "macos-arm64", "cpu")
    assert Target.here(config, LAPTOP).uv_platform == ""
    assert Target.image(config).uv_platform == "x86_64-manylinux_2_28"


def test_the_machine_takes_what_it_is_told_about_a_gpu(settings: Settings) -> None:
    machine = read_machine(settings)
    assert machine.gpu is False
    assert machine.python.startswith("3.")
