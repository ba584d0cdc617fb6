"""Whether the lock's torch can use the GPU that is here, by its driver and by its kernels.

CUDA's rules: a driver runs programs of every CUDA up to its own major version ("CUDA
Compatibility", minor version compatibility), and code for one compute capability runs on later
minor ones of the same major. Which kernels torch's wheels hold was read from the wheels
themselves (``torch._C._cuda_getArchFlags()``), by Cog's authors among others: 2.0.1+cu118 has
sm_90, 2.6.0+cu126 nothing above it, 2.7.0+cu128 sm_75 to sm_120.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cogsmith.doctor.finding import Finding, Severity, Topic
from cogsmith.doctor.project import Project
from cogsmith.doctor.surroundings import Driver, Gpu, Surroundings
from cogsmith.environment import Pin, cuda_of

__all__ = ["gpu_findings"]

Numbers = tuple[int, ...]

# capability -> the oldest torch, and the oldest CUDA, that have kernels for it
OLDEST: tuple[tuple[tuple[int, int], Numbers, Numbers], ...] = (
    ((10, 0), (2, 7), (12, 8)),  # Blackwell: B200, RTX 50
    ((9, 0), (2, 0, 1), (11, 8)),  # Hopper: H100, H200
)
# CUDA -> the first capability that torch's builds for it begin with
BEGINS: tuple[tuple[Numbers, tuple[int, int]], ...] = (((12, 8), (7, 5)),)
SKIP = "COG_SKIP_GPU_CHECK=1 leaves this out, when the model is for another machine"


def gpu_findings(project: Project, around: Surroundings) -> Iterator[Finding]:
    """What would keep torch from the GPU; nothing for models without one."""
    config, driver = project.config, around.driver
    if config is None or not config.build.gpu or not around.gpu_wanted:
        return
    if driver is None:
        yield _note(
            "the model wants a GPU of NVIDIA's, and there is none here",
            "packages come as CPU builds for runs on this machine; images get CUDA",
        )
        return
    pins = project.lock.lock.pins if project.lock and project.lock.lock else ()
    torch = next((pin for pin in pins if pin.name == "torch" and pin.version), None)
    if torch is None:
        return
    cuda = _numbers(cuda_of(pins))
    if "+cpu" in torch.version:
        yield _warning(
            f"the lock has torch {torch.version}, which uses no GPU",
            "remove +cpu from the requirements, and run cogsmith lock",
        )
        return
    yield from _driver(torch, cuda, driver)
    for gpu in {gpu.capability: gpu for gpu in driver.gpus}.values():
        yield from _kernels(torch, cuda, gpu)


def _driver(torch: Pin, cuda: Numbers, driver: Driver) -> Iterator[Finding]:
    """A driver takes every CUDA of its own major version and of older ones."""
    if not cuda or driver.cuda is None or cuda <= driver.cuda:
        return
    told, most = _text(cuda), _text(driver.cuda)
    if cuda[0] > driver.cuda[0]:
        yield _warning(
            f"torch {torch.version} is built for CUDA {told}, and the driver {driver.version} "
            f"runs CUDA up to {most}: torch will not find the GPU",
            f"update the driver, or choose a torch that is built for CUDA {driver.cuda[0]}; {SKIP}",
        )
    else:
        yield _note(
            f"torch {torch.version} is built for CUDA {told}, the driver {driver.version} is of "
            f"{most}",
            "both have the same major version, so it works, but for kernels that are compiled "
            "while the model runs",
        )


def _kernels(torch: Pin, cuda: Numbers, gpu: Gpu) -> Iterator[Finding]:
    """A GPU for which torch has no code fails with "no kernel image is available"."""
    version = _numbers(torch.version.partition("+")[0])
    sm = f"sm_{gpu.capability[0]}{gpu.capability[1]}"
    for capability, least, least_cuda in OLDEST:
        if gpu.capability >= capability:
            if version < least or (cuda and cuda < least_cuda):
                yield _warning(
                    f"torch {torch.version} has no kernels for the {gpu.name} ({sm})",
                    f"it takes torch {_text(least)} or newer, built for CUDA {_text(least_cuda)} "
                    f"or newer; {SKIP}",
                )
            return
    for since, first in BEGINS:
        if cuda >= since and gpu.capability < first:
            yield _warning(
                f"torch {torch.version} has no kernels for the {gpu.name} ({sm})",
                f"builds for CUDA {_text(since)} and newer begin with sm_{first[0]}{first[1]}: "
                f"choose one for an older CUDA (build.cuda); {SKIP}",
            )


def _numbers(text: str) -> Numbers:
    """The numbers of a version: "2.7.0" is (2, 7, 0), "" is ()."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _text(numbers: Numbers) -> str:
    return ".".join(map(str, numbers))


def _note(message: str, hint: str) -> Finding:
    return Finding(topic=Topic.GPU, severity=Severity.NOTE, message=message, hint=hint)


def _warning(message: str, hint: str) -> Finding:
    return Finding(topic=Topic.GPU, severity=Severity.WARNING, message=message, hint=hint)
