"""Looking: the one place of the room that reads a project's files and asks a machine."""

from __future__ import annotations

from cogsmith.doctor.look.files import look_at_files
from cogsmith.doctor.look.machine import look_at_driver, look_at_machine, read_driver
from cogsmith.doctor.look.project import look_at_project

__all__ = ["look_at_driver", "look_at_files", "look_at_machine", "look_at_project", "read_driver"]
