"""What may keep a model from running or being built: found, told, and mended where that is safe.

In: the path of a config, the person's settings, and what others were asked (Docker, a registry).
Out: findings, each with what to do; changes of the project's files that take some of them away.
Touches: the project's files, nvidia-smi and uv (``look``); writes files in ``mend`` alone.
"""

from __future__ import annotations

from cogsmith.doctor.examine import Treatment, examine, treat
from cogsmith.doctor.finding import Finding, Severity, Topic
from cogsmith.doctor.look import look_at_files, look_at_machine, look_at_project
from cogsmith.doctor.mend import mend
from cogsmith.doctor.project import Change, Project
from cogsmith.doctor.surroundings import Driver, Gpu, Heavy, Space, Surroundings

__all__ = [
    "Change",
    "Driver",
    "Finding",
    "Gpu",
    "Heavy",
    "Project",
    "Severity",
    "Space",
    "Surroundings",
    "Topic",
    "Treatment",
    "examine",
    "look_at_files",
    "look_at_machine",
    "look_at_project",
    "mend",
    "treat",
]
