"""How many tokens the cache may hold where nobody says so: a share of what is free."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from cogsmith.engine.transformers.pages import Shape

__all__ = ["cache_tokens"]

# An accelerator is ours alone, and its steps need little beside; a machine has other work.
_SHARE = {"cuda": 0.8}
_ELSEWHERE = 0.3
_LEAST = 256  # tokens


def cache_tokens(shape: Shape, context: int | None, max_batch: int) -> int:
    """A share of the free memory, and no more than ``max_batch`` full contexts."""
    share = _SHARE.get(shape.device.type, _ELSEWHERE)
    fits = max(_LEAST, int(_free(shape.device) * share) // shape.bytes_per_token)
    return fits if context is None else min(fits, context * max_batch)


def _free(device: torch.device) -> int:
    """Bytes that could be had now."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return min(_available(Path("/proc/meminfo")), _quota(Path("/sys/fs/cgroup")))


def _available(path: Path) -> int:
    """What the kernel says is available; half of all memory where it does not say."""
    try:
        lines = dict(line.split(":", 1) for line in path.read_text("ascii").splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, LookupError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _quota(folder: Path) -> int:
    """What the container's limit leaves."""
    try:
        limit = int((folder / "memory.max").read_text("ascii"))
        return max(0, limit - int((folder / "memory.current").read_text("ascii")))
    except (OSError, ValueError):  # none: the file is not there, or says "max"
        return 1 << 62
