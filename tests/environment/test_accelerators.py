"""CPU and CUDA builds of torch: the rules."""

from __future__ import annotations

import pytest

from cogsmith.environment.accelerators import (
    Attempt,
    attempts,
    for_cpu,
    last_attempt,
    unfit,
    without,
)
from cogsmith.environment.lock import Pin
from cogsmith.environment.requirements import Requirements
from cogsmith.environment.target import Target

CPU = Target(python="3.11", platform="linux-x86_64", accelerator="cpu")
CUDA = Target(python="3.11", platform="linux-x86_64", accelerator="cuda")
MAC = Target(python="3.11", platform="macos-arm64", accelerator="cpu")
LINUX_311 = "cp311-cp311-manylinux_2_28_x86_64.whl"
WHEELS = (
    f"torch-2.9.0+cpu-{LINUX_311}",
    f"torch-2.13.0+cpu-{LINUX_311}",
    "torch-2.14.0+cpu-cp312-cp312-manylinux_2_28_x86_64.whl",
    "torch-2.14.0+cpu-cp311-cp311-manylinux_2_28_aarch64.whl",
    f"torch-2.15.0-{LINUX_311}",
    f"torchvision-0.20.0+cpu-{LINUX_311}",
    "not a wheel.whl",
)


def pin(name: str, version: str) -> Pin:
    return Pin(name=name, version=version)


def test_a_cpu_tries_the_builds_at_hand_newest_first_then_freely() -> None:
    assert attempts(CPU, WHEELS) == (
        Attempt(constraints=("torch==2.13.0+cpu",)),
        Attempt(constraints=("torch==2.9.0+cpu",)),
        Attempt(),
    )


def test_cuda_leaves_every_cpu_build_at_hand_out_of_the_question() -> None:
    (attempt,) = attempts(CUDA, WHEELS)
    assert set(attempt.constraints) == {
        "torch!=2.14.0+cpu", "torch!=2.13.0+cpu", "torch!=2.9.0+cpu", "torchvision!=0.20.0+cpu",
    }  # fmt: skip


def test_elsewhere_than_on_linux_there_is_nothing_to_choose() -> None:
    assert attempts(MAC, WHEELS) == (Attempt(),)
    assert unfit(MAC, [pin("torch", "2.13.0")]) == ()


@pytest.mark.parametrize(
    ("target", "version", "fits"),
    [(CPU, "2.13.0+cpu", True), (CPU, "2.13.0", False), (CPU, "2.13.0+cu130", False),
     (CUDA, "2.13.0", True), (CUDA, "2.13.0+cu130", True), (CUDA, "2.13.0+cpu", False)],
)  # fmt: skip
def test_builds_fit_their_targets(target: Target, version: str, fits: bool) -> None:
    assert (unfit(target, [pin("torch", version), pin("numpy", "1")]) == ()) is fits


def test_the_last_attempt_is_torchs_own_index_and_for_cpus_alone() -> None:
    assert last_attempt(CPU, [pin("torch", "2.13.0")]) == Attempt(backend="cpu")
    assert last_attempt(CPU, [pin("torch", "2.13.0+cpu")]) is None
    assert last_attempt(CPU, [pin("numpy", "2.0")]) is None
    assert last_attempt(CUDA, [pin("torch", "2.13.0+cpu")]) is None


def test_a_build_can_be_put_out_of_the_question() -> None:
    assert without(Attempt(), [pin("torch", "2.13.0+cpu")]).constraints == ("torch!=2.13.0+cpu",)


def test_labels_and_indexes_of_cuda_are_left_out_for_a_cpu() -> None:
    asked = Requirements(
        packages=("torch==2.6.0+cu124", "flash-attn==2.7+cu12torch2"),
        options=(
            "--extra-index-url https://host/whl/cu124", "--extra-index-url https://host/simple",
        ),
    )  # fmt: skip
    assert for_cpu(asked) == Requirements(
        packages=("torch==2.6.0", "flash-attn==2.7+cu12torch2"),
        options=("--extra-index-url https://host/simple",),
    )
