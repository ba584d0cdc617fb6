"""The machine we run on: the model's Python, uv, NVIDIA's driver, and the room on its disks."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from cogsmith.doctor.surroundings import Driver, Gpu, Space, Surroundings
from cogsmith.environment import Settings, find_compiler
from cogsmith.errors import CommandFailed, InstallError, Problem
from cogsmith.process import run

__all__ = ["look_at_driver", "look_at_machine", "read_driver"]

SMI = "nvidia-smi"
_CUDA = re.compile(r"CUDA (?:UMD )?Version\s*:\s*(\d+)\.(\d+)")
_DRIVER = re.compile(r"(?:Driver|KMD) Version\s*:\s*([\d.]+)")


def look_at_machine(
    minor: str, settings: Settings, places: Mapping[str, Path], *, gpu: bool
) -> Surroundings:
    """Look for a Python of a minor version, at a GPU if one is wanted, at the disks of places.

    Starts uv and nvidia-smi, where they are. Docker and registries are for others to ask.
    """
    python, uv = _python(minor, settings)
    return Surroundings(
        python=python,
        uv=uv,
        driver=look_at_driver() if gpu and settings.gpu is not False else None,
        spaces=tuple(_spaces(places)),
    )


def _python(minor: str, settings: Settings) -> tuple[str, Problem | None]:
    try:
        found = find_compiler(minor, "", settings)
    except InstallError as error:
        return "", error.problems[0]
    return (found.release if found else ""), None


def look_at_driver() -> Driver | None:
    """NVIDIA's driver, as nvidia-smi tells of it; None where there is none, or it does not work."""
    if shutil.which(SMI) is None:
        return None
    try:
        told = run((SMI,)).output
    except CommandFailed:
        return None
    query = (SMI, "--query-gpu=name,compute_cap", "--format=csv,noheader")
    try:
        return read_driver(told, run(query).output)
    except CommandFailed:  # a driver from before 2021 does not tell the capability
        return read_driver(told, "")


def read_driver(told: str, gpus: str) -> Driver:
    """The driver in nvidia-smi's table, and the GPUs in its answer to a query.

    >>> read_driver("Driver Version: 550.54   CUDA Version: 12.4", "NVIDIA H200, 9.0").gpus
    (Gpu(name='NVIDIA H200', capability=(9, 0)),)
    """
    version, cuda = _DRIVER.search(told), _CUDA.search(told)
    found = []
    for line in gpus.splitlines():
        name, _, capability = line.rpartition(",")
        major, _, minor = capability.strip().partition(".")
        if major.isdecimal() and minor.isdecimal():
            found.append(Gpu(name.strip(), (int(major), int(minor))))
    return Driver(
        version=version[1] if version else "",
        cuda=(int(cuda[1]), int(cuda[2])) if cuda else None,
        gpus=tuple(found),
    )


def _spaces(places: Mapping[str, Path]) -> Iterator[Space]:
    """The room at each place, or where it will be made."""
    for what, place in places.items():
        there = next((p for p in (place, *place.parents) if p.exists()), None)
        if there is not None:
            free = shutil.disk_usage(there).free
            yield Space(what, str(place), free, there.stat().st_dev)
