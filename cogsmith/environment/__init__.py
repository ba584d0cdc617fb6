"""What a model runs with: requirements become a lock, and a lock becomes an environment.

In: a ModelConfig with the requirements files it names, and the person's settings.
Out: a Lock (PEP 751), how far the project has drifted from it, an Environment made from it.
Touches: requirements files and locks, the cache folder, uv and through it the network.
"""

from __future__ import annotations

from cogsmith.environment.drift import Drift, drift
from cogsmith.environment.events import Event, Notice, Progress, Tell, silent
from cogsmith.environment.install import Environment, Source, install, remove_unused
from cogsmith.environment.load import load_lock, load_requirements, lock_path
from cogsmith.environment.lock import Answers, Lock, Pin, answers, parse, render
from cogsmith.environment.machine import read_machine
from cogsmith.environment.prepare import Prepared, Project, look, prepare, write_lock
from cogsmith.environment.requirements import Requirements
from cogsmith.environment.resolve import Question, resolve
from cogsmith.environment.settings import Settings
from cogsmith.environment.target import Machine, Target

__all__ = [
    "Answers",
    "Drift",
    "Environment",
    "Event",
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
    "answers",
    "drift",
    "install",
    "load_lock",
    "load_requirements",
    "lock_path",
    "look",
    "parse",
    "prepare",
    "read_machine",
    "remove_unused",
    "render",
    "resolve",
    "silent",
    "write_lock",
]
