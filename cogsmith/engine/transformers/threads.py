"""How many threads torch should compute with: one per physical core that is really ours."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["thread_count"]


def thread_count() -> int | None:
    """Physical cores, less what affinity and the container's quota take away.

    None where the person has said it: ``OMP_NUM_THREADS`` is torch's own to read.
    """
    if os.environ.get("OMP_NUM_THREADS"):
        return None
    if hasattr(os, "sched_getaffinity"):
        allowed = os.sched_getaffinity(0)
    else:
        allowed = set(range(os.cpu_count() or 1))
    cores = {_siblings(cpu) for cpu in allowed}
    return max(1, min(len(cores), _quota(Path("/sys/fs/cgroup/cpu.max"))))


def _siblings(cpu: int) -> str:
    """The name of the physical core behind a logical one."""
    path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return str(cpu)


def _quota(path: Path) -> int:
    """Whole processors that the control group grants, rounded up."""
    try:
        quota, period = path.read_text(encoding="ascii").split()
        return -(-int(quota) // int(period))
    except (OSError, ValueError):
        return os.cpu_count() or 1
