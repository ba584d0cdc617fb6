"""All checks of a project and its machine, and all repairs. Pure: both are values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cogsmith.doctor.config import config_findings, signature_findings
from cogsmith.doctor.finding import Finding, Severity, Topic
from cogsmith.doctor.gpu import gpu_findings
from cogsmith.doctor.imports import import_changes, import_findings
from cogsmith.doctor.lock import lock_findings
from cogsmith.doctor.machine import (
    disk_findings,
    docker_findings,
    file_findings,
    python_findings,
    registry_findings,
)
from cogsmith.doctor.names import name_changes, name_findings, obstacle
from cogsmith.doctor.outputs import output_changes, output_findings
from cogsmith.doctor.project import Change, Project
from cogsmith.doctor.surroundings import Surroundings

__all__ = ["Treatment", "examine", "treat"]

OF_PROJECT = (
    config_findings, name_findings, import_findings, output_findings, signature_findings,
    lock_findings,
)  # fmt: skip
OF_MACHINE = (
    file_findings, python_findings, gpu_findings, disk_findings, docker_findings,
    registry_findings,
)  # fmt: skip
REPAIRS = (
    (Topic.IMPORTS, import_changes),
    (Topic.OUTPUTS, output_changes),
    (Topic.NAMES, name_changes),
)


def examine(project: Project, around: Surroundings) -> tuple[Finding, ...]:
    """Everything that is worth a word, topic by topic."""
    found = list(_found(project, around))
    order = list(Topic)
    return tuple(sorted(found, key=lambda finding: order.index(finding.topic)))


def _found(project: Project, around: Surroundings) -> Iterator[Finding]:
    for check in OF_PROJECT:
        yield from check(project)
    for look in OF_MACHINE:
        yield from look(project, around)


@dataclass(frozen=True, slots=True)
class Treatment:
    """What repairs make of a project's files, what they are for, and what cannot be repaired."""

    changes: tuple[Change, ...]
    topics: tuple[Topic, ...]
    obstacles: tuple[Finding, ...]


def treat(project: Project) -> Treatment:
    """All repairs, one after the other, each on what the one before has left."""
    changes: list[Change] = []
    topics: list[Topic] = []
    for topic, repair in REPAIRS:
        made = repair(project)
        if made:
            changes += made
            topics.append(topic)
            project = project.changed(made)
    return Treatment(_merged(changes), tuple(topics), tuple(_obstacles(project)))


def _obstacles(project: Project) -> Iterator[Finding]:
    reason = obstacle(project).strip()
    if reason:
        yield Finding(
            topic=Topic.NAMES, severity=Severity.ERROR, where=project.file,
            message=f"the names stay as they are: {reason}",
            hint="leave them, both words are good here; or clear that up and try --fix again",
        )  # fmt: skip


def _merged(changes: list[Change]) -> tuple[Change, ...]:
    """One change a file: the last; a file that would come and go is not touched."""
    last = {change.path: change for change in changes}
    return tuple(last.values())
