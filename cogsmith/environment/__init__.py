"""What a model runs with: requirements become a lock, a lock an environment, or an image's wheels.

In: a ModelConfig with the requirements files it names, and the person's settings.
Out: a Lock (PEP 751), how far the project has drifted from it, an Environment, or Wheels.
Touches: requirements files and locks, the cache folder, package indexes, uv.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogsmith.door import open_lazily

if TYPE_CHECKING:
    from cogsmith.environment.accelerators import cuda_of
    from cogsmith.environment.drift import Drift, drift
    from cogsmith.environment.events import Event, Notice, Progress, Tell, silent
    from cogsmith.environment.fetch import fetch_wheels
    from cogsmith.environment.image_source import image_source, pinned_source
    from cogsmith.environment.install import Environment, Source, install, remove_unused
    from cogsmith.environment.load import load_lock, load_requirements, lock_path
    from cogsmith.environment.lock import Answers, Lock, Pin, answers, parse, render
    from cogsmith.environment.lock_for import write_lock
    from cogsmith.environment.machine import Compiler, find_compiler, read_machine, uv_program
    from cogsmith.environment.pins import (
        pin_base,
        pin_compiler,
        pin_debs,
        pinned_base,
        pinned_compiler,
        pinned_debs,
    )
    from cogsmith.environment.prepare import Prepared, prepare
    from cogsmith.environment.project import Project, look
    from cogsmith.environment.requirements import Requirements
    from cogsmith.environment.resolve import Question, resolve
    from cogsmith.environment.settings import Settings
    from cogsmith.environment.target import ImageTarget, Machine, Target
    from cogsmith.environment.wheel import Wheel

__all__ = [
    "Answers",
    "Compiler",
    "Drift",
    "Environment",
    "Event",
    "ImageTarget",
    "Lock",
    "Machine",
    "Notice",
    "Pin",
    "Prepared",
    "Progress",
    "Project",
    "Question",
    "Requirements",
    "Settings",
    "Source",
    "Target",
    "Tell",
    "Wheel",
    "answers",
    "cuda_of",
    "drift",
    "fetch_wheels",
    "find_compiler",
    "image_source",
    "install",
    "load_lock",
    "load_requirements",
    "lock_path",
    "look",
    "parse",
    "pin_base",
    "pin_compiler",
    "pin_debs",
    "pinned_base",
    "pinned_compiler",
    "pinned_debs",
    "pinned_source",
    "prepare",
    "read_machine",
    "remove_unused",
    "render",
    "resolve",
    "silent",
    "uv_program",
    "write_lock",
]

# Where each name is at home: its module is imported when somebody asks for the name. Whoever
# wants a store of images does not wait for pydantic.
_HOMES = {
    "Answers": "lock.Answers",
    "Compiler": "machine.Compiler",
    "Drift": "drift.Drift",
    "Environment": "install.Environment",
    "Event": "events.Event",
    "ImageTarget": "target.ImageTarget",
    "Lock": "lock.Lock",
    "Machine": "target.Machine",
    "Notice": "events.Notice",
    "Pin": "lock.Pin",
    "Prepared": "prepare.Prepared",
    "Progress": "events.Progress",
    "Project": "project.Project",
    "Question": "resolve.Question",
    "Requirements": "requirements.Requirements",
    "Settings": "settings.Settings",
    "Source": "install.Source",
    "Target": "target.Target",
    "Tell": "events.Tell",
    "Wheel": "wheel.Wheel",
    "answers": "lock.answers",
    "cuda_of": "accelerators.cuda_of",
    "drift": "drift.drift",
    "fetch_wheels": "fetch.fetch_wheels",
    "find_compiler": "machine.find_compiler",
    "image_source": "image_source.image_source",
    "install": "install.install",
    "load_lock": "load.load_lock",
    "load_requirements": "load.load_requirements",
    "lock_path": "load.lock_path",
    "look": "project.look",
    "parse": "lock.parse",
    "pin_base": "pins.pin_base",
    "pin_compiler": "pins.pin_compiler",
    "pin_debs": "pins.pin_debs",
    "pinned_base": "pins.pinned_base",
    "pinned_compiler": "pins.pinned_compiler",
    "pinned_debs": "pins.pinned_debs",
    "pinned_source": "image_source.pinned_source",
    "prepare": "prepare.prepare",
    "read_machine": "machine.read_machine",
    "remove_unused": "install.remove_unused",
    "render": "lock.render",
    "resolve": "resolve.resolve",
    "silent": "events.silent",
    "uv_program": "machine.uv_program",
    "write_lock": "lock_for.write_lock",
}

open_lazily(__name__, _HOMES)
