"""How much memory a model's processes have taken at most."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

__all__ = ["peak"]

_PEAK = re.compile(r"^VmHWM:\s+([0-9]+) kB$", re.MULTILINE)


def peak(session: int, proc: Path = Path("/proc")) -> int | None:
    """The peaks of all processes of a session, added up, in bytes (proc(5): VmHWM).

    None where there is no such file system, as on macOS, or no such process any more.
    """
    found = 0
    for folder in proc.glob("[0-9]*"):
        # A process may end while it is looked at.
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            if int(fields[3]) == session:
                told = _PEAK.search((folder / "status").read_text("utf-8", "replace"))
                found += int(told[1]) * 1024 if told else 0
    return found or None
