"""CPU and CUDA builds of torch: which one a lock holds, and how to get the other.

torch is published in several builds under one version. The package index has the CUDA build
for Linux, which brings gigabytes of ``nvidia-*`` packages; CPU builds carry the local version
``+cpu`` and live in folders of wheels (find-links) or in an index of torch's own, which uv
knows as ``--torch-backend cpu``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from cogsmith.environment.lock import Pin
from cogsmith.environment.requirements import Requirements, name_of
from cogsmith.environment.target import Target
from cogsmith.errors import LockError
from cogsmith.values import dataclass

__all__ = [
    "Attempt",
    "attempts",
    "check_cudnn",
    "cuda_of",
    "cuda_within",
    "for_cpu",
    "last_attempt",
    "other_ways",
    "unfit",
    "without",
]

TORCH_FAMILY = ("torch", "torchaudio", "torchvision")
_CUDA_LABEL = re.compile(r"\+(cu\d+|rocm[\d.]+|xpu)\b")
_CUDA_NUMBER = re.compile(r"cu(\d+)(\d)")
_TORCH_INDEX = re.compile(r"/whl/(cu\d+|rocm[\d.]+|xpu|nightly/cu\d+)/?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One way to ask the resolver: constraints beyond the project's, and torch's own index."""

    constraints: tuple[str, ...] = ()
    backend: str = ""


def attempts(target: Target, wheels: Iterable[str]) -> tuple[Attempt, ...]:
    """The ways to try, in order; ``wheels`` are the file names in the folders of wheels.

    For a CPU on Linux a ``+cpu`` wheel that is at hand is tried first, the newest before the
    others: asked freely, the resolver may prefer a newer CUDA build. For CUDA they are out
    of the question: to the resolver ``2.6.0+cpu`` is newer than ``2.6.0``.
    """
    if not _picks_builds(target):
        return (Attempt(),)
    if target.accelerator == "cuda":
        free = without(Attempt(), cpu_builds(wheels))
        pins = _torch(builds(wheels, _label(target), target)) if target.cuda else ()
        return (*(Attempt(constraints=(f"torch=={pin.version}",)) for pin in pins), free)
    at_hand = _torch(cpu_builds(wheels, target))
    return (*(Attempt(constraints=(f"torch=={pin.version}",)) for pin in at_hand), Attempt())


def last_attempt(target: Target, pins: Iterable[Pin]) -> Attempt | None:
    """What is left when a lock for a CPU holds CUDA builds: torch's own index of CPU builds."""
    wrong = target.accelerator == "cpu" and unfit(target, pins)
    return Attempt(backend="cpu") if wrong else None


def cpu_builds(wheels: Iterable[str], target: Target | None = None) -> tuple[Pin, ...]:
    """The CPU builds of torch's family among wheels, newest first; for one target, or all."""
    return builds(wheels, "cpu", target)


def _torch(pins: Iterable[Pin]) -> tuple[Pin, ...]:
    return tuple(pin for pin in pins if pin.name == "torch")


def _label(target: Target) -> str:
    """The local version label of torch's builds for a target's CUDA: ``cu124``."""
    return f"cu{target.cuda.replace('.', '')}"


def builds(wheels: Iterable[str], label: str, target: Target | None) -> tuple[Pin, ...]:
    """The builds of torch's family whose local version begins with a label, newest first."""
    found: set[tuple[Version, str]] = set()
    for name in wheels:
        try:
            package, version, _, tags = parse_wheel_filename(name)
        except InvalidWheelFilename:
            continue
        fits = target is None or any(_runs_on(tag, target) for tag in tags)
        if package in TORCH_FAMILY and (version.local or "").startswith(label) and fits:
            found.add((version, package))
    return tuple(Pin(name=name, version=str(version)) for version, name in sorted(found)[::-1])


def _runs_on(tag: Tag, target: Target) -> bool:
    interpreter = f"cp{target.python.replace('.', '')}"
    architecture = target.platform.partition("-")[2]
    return tag.interpreter == interpreter and tag.platform.endswith(architecture)


def unfit(target: Target, pins: Iterable[Pin]) -> tuple[Pin, ...]:
    """The packages of a lock that are built for the other kind of machine."""
    if not _picks_builds(target):
        return ()
    builds = [pin for pin in pins if pin.name in TORCH_FAMILY and pin.version]
    locals_ = {pin: Version(pin.version).local or "" for pin in builds}
    if target.accelerator == "cpu":
        return tuple(pin for pin, local in locals_.items() if not local.startswith("cpu"))
    return tuple(pin for pin, local in locals_.items() if local.startswith("cpu"))


def _picks_builds(target: Target) -> bool:
    """Elsewhere than on Linux there is one build a version, and it is the right one."""
    return target.platform.startswith("linux-")


def without(attempt: Attempt, pins: Iterable[Pin]) -> Attempt:
    """The same attempt, with these very builds out of the question."""
    excluded = tuple(f"{pin.name}!={pin.version}" for pin in pins)
    return replace(attempt, constraints=(*attempt.constraints, *excluded))


def cuda_of(pins: Iterable[Pin]) -> str:
    """The CUDA that a lock's torch is built for ("12.4"); "" where nothing tells.

    Its local label says so, and where it has none, the CUDA runtime that it asks for.
    """
    found = {pin.name: pin.version for pin in pins}
    local = Version(found.get("torch") or "0").local or ""
    if label := _CUDA_NUMBER.fullmatch(local):
        return f"{label[1]}.{label[2]}"
    runtimes = (v for name, v in found.items() if name.startswith("nvidia-cuda-runtime"))
    return ".".join(next(runtimes, "").split(".")[:2])


def cuda_within(target: Target, pins: Iterable[Pin]) -> bool:
    """Whether a lock has the CUDA that was asked for; true where none was, or without torch."""
    pins = tuple(pins)
    return not target.cuda or not _torch(pins) or cuda_of(pins) == target.cuda


def other_ways(target: Target, pins: Iterable[Pin]) -> tuple[Attempt, ...]:
    """What to try when the indexes' first choice is for another CUDA than was asked for.

    The same version with the label that torch's builds carry, then torch's own index.
    """
    label = _label(target)
    versions = (pin.version.partition("+")[0] for pin in _torch(pins))
    labelled = (Attempt(constraints=(f"torch=={version}+{label}",)) for version in versions)
    return (*labelled, Attempt(backend=label))


def check_cudnn(wanted: str | None, pins: Iterable[Pin]) -> None:
    """Hold build.cudnn against the cuDNN that a lock brings. Raises LockError.

    cuDNN comes with torch; there is nothing to choose.
    """
    found = next((pin for pin in pins if pin.name.startswith("nvidia-cudnn-cu")), None)
    if not wanted or found is None:
        return
    asked, had = wanted.split("."), found.version.split(".")
    if had[: len(asked)] != asked:
        raise LockError(
            f"cuDNN {wanted} is asked for, and {found.name} {found.version} is what torch brings",
            where="build.cudnn",
            hint="leave build.cudnn out, or choose the version of torch that was built with it",
        )


def for_cpu(requirements: Requirements) -> Requirements:
    """The same requirements for a machine without a GPU.

    ``torch==2.6.0+cu124`` becomes ``torch==2.6.0``, and torch's CUDA indexes are left out.
    """

    def plain(lines: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(
            _CUDA_LABEL.sub("", line) if name_of(line) in TORCH_FAMILY else line for line in lines
        )

    return Requirements(
        packages=plain(requirements.packages),
        constraints=plain(requirements.constraints),
        overrides=plain(requirements.overrides),
        options=tuple(o for o in requirements.options if not _TORCH_INDEX.search(o)),
    )
