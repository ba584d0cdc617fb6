"""What a doctor says: findings, and what they are about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from cogsmith.errors import Problem

__all__ = ["TOPICS", "Finding", "Severity", "Topic", "of_problems"]


class Severity(str, Enum):
    """An error stops the model, a warning may, a note is good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Topic(Enum):
    """What is looked at; the value is its word for programs, ``title`` the one for people.

    The title of the names is Cog's own, and programs look for it.
    """

    CONFIG = "config"
    NAMES = "names"
    IMPORTS = "imports"
    OUTPUTS = "outputs"
    SIGNATURE = "signature"
    LOCK = "lock"
    FILES = "files"
    PYTHON = "python"
    GPU = "gpu"
    DISK = "disk"
    DOCKER = "docker"
    REGISTRY = "registry"

    @property
    def title(self) -> str:
        """What people read."""
        return TOPICS[self]


TOPICS = {
    Topic.CONFIG: "Config",
    Topic.NAMES: "Deprecated predict interface names",
    Topic.IMPORTS: "Imports from cog",
    Topic.OUTPUTS: "Output classes",
    Topic.SIGNATURE: "Inputs and outputs",
    Topic.LOCK: "Lock",
    Topic.FILES: "Files that go into the image",
    Topic.PYTHON: "Python and uv",
    Topic.GPU: "GPU and driver",
    Topic.DISK: "Disk space",
    Topic.DOCKER: "Docker",
    Topic.REGISTRY: "Registry",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found: how bad, where, what, and what to do about it.

    ``fixable``: a repair of ours takes it away.
    """

    topic: Topic
    severity: Severity
    message: str
    where: str = ""
    hint: str = ""
    fixable: bool = False


def of_problems(
    topic: Topic, problems: Iterable[Problem], severity: Severity = Severity.ERROR
) -> tuple[Finding, ...]:
    """What another room found wrong, as findings of one topic."""
    return tuple(
        Finding(topic=topic, severity=severity, message=p.message, where=p.where, hint=p.hint)
        for p in problems
    )
