"""Whether a lock's torch fits the GPU and the driver that are here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cogsmith.doctor import Driver, Finding, Gpu, Severity, Surroundings, Topic, examine
from cogsmith.doctor.look import read_driver
from tests.doctor.projects import NEWER, RUNNER, locked, project

GPU = NEWER.replace("build:", "build:\n  gpu: true")
H200 = Gpu("NVIDIA H200", (9, 0))
B200 = Gpu("NVIDIA B200", (10, 0))
V100 = Gpu("Tesla V100", (7, 0))


def found(
    torch: str, driver: Driver | None, config: str = GPU, wanted: bool = True
) -> list[Finding]:
    packages = (torch,) if torch else ()
    whole = replace(project(config, run=RUNNER), lock=locked(*packages))
    around = Surroundings(python="3.12.1", driver=driver, gpu_wanted=wanted)
    return [one for one in examine(whole, around) if one.topic is Topic.GPU]


def driver(cuda: tuple[int, int], *gpus: Gpu) -> Driver:
    return Driver(version="550.54.15", cuda=cuda, gpus=gpus)


@pytest.mark.parametrize(
    ("torch", "machine"),
    [
        ("torch==2.6.0+cu124", driver((12, 4), H200)),
        ("torch==2.6.0+cu118", driver((12, 4), H200)),
        ("torch==2.0.1+cu118", driver((11, 8), H200)),
        ("torch==2.7.0+cu128", driver((12, 8), B200)),
        ("torch==2.6.0+cu124", driver((12, 4), V100)),
        ("torch==2.7.0+cu128", driver((12, 8), Gpu("RTX 4090", (8, 9)))),
        ("", driver((12, 4), H200)),
    ],
)
def test_what_fits(torch: str, machine: Driver) -> None:
    assert found(torch, machine) == []


def test_an_older_driver_of_the_same_cuda_does() -> None:
    [one] = found("torch==2.6.0+cu126", driver((12, 2), H200))
    assert one.severity is Severity.NOTE
    assert "same major version" in one.hint


def test_a_driver_of_an_older_cuda_does_not() -> None:
    [one] = found("torch==2.13.0+cu130", driver((12, 4), H200))
    assert one.severity is Severity.WARNING
    assert "CUDA 13.0" in one.message
    assert "550.54.15" in one.message
    assert "12.4" in one.message
    assert "update the driver" in one.hint


@pytest.mark.parametrize(
    ("torch", "gpu", "advice"),
    [
        ("torch==2.6.0+cu124", B200, "torch 2.7 or newer"),
        ("torch==2.7.0+cu126", B200, "CUDA 12.8"),
        ("torch==1.13.1+cu117", H200, "torch 2.0.1 or newer"),
        ("torch==2.7.0+cu128", V100, "sm_75"),
    ],
)
def test_a_gpu_without_kernels(torch: str, gpu: Gpu, advice: str) -> None:
    [one] = found(torch, driver((12, 8), gpu, gpu))  # two of a kind are told once
    assert one.severity is Severity.WARNING
    assert f"no kernels for the {gpu.name}" in one.message
    assert advice in one.hint


def test_a_build_for_cpus_is_seen() -> None:
    [one] = found("torch==2.13.0+cpu", driver((13, 0), H200))
    assert "uses no GPU" in one.message


def test_a_machine_without_a_gpu_is_no_fault() -> None:
    [one] = found("torch==2.6.0+cu124", None)
    assert one.severity is Severity.NOTE


def test_nobody_asks() -> None:
    machine = driver((11, 0), B200)
    assert found("torch==2.6.0+cu124", machine, config=NEWER) == []
    assert found("torch==2.6.0+cu124", machine, wanted=False) == []


TABLE = """\
| NVIDIA-SMI 570.86.10   Driver Version: 570.86.10   CUDA Version: 12.8     |
|   0  NVIDIA H200         On  |   00000000:18:00.0 Off |                  0 |
"""


def test_what_nvidia_smi_says_is_read() -> None:
    told = read_driver(TABLE, "NVIDIA H200, 9.0\nNVIDIA RTX 5090, 12.0\n[N/A], [N/A]\n")
    assert (told.version, told.cuda) == ("570.86.10", (12, 8))
    assert told.gpus == (H200, Gpu("NVIDIA RTX 5090", (12, 0)))
    assert read_driver("| Driver Version: 450.1    CUDA Version: N/A |", "") == Driver(
        version="450.1", cuda=None
    )
