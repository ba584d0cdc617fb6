"""Whether the lock answers the requirements, and pins what it can."""

from __future__ import annotations

from collections.abc import Iterator

from cogsmith.doctor.finding import Finding, Severity, Topic, of_problems
from cogsmith.doctor.project import Project
from cogsmith.environment import pinned_base

__all__ = ["lock_findings"]

AGAIN = "run cogsmith lock, and commit it"


def lock_findings(project: Project) -> Iterator[Finding]:
    """Drift is a warning: a run or a build makes the lock anew; what is missing, a note."""
    state = project.lock
    if state is None:
        return
    yield from of_problems(Topic.LOCK, state.problems)
    if state.lock is None:
        if not state.problems:
            yield _finding(
                Severity.NOTE, state.name, "is not there yet",
                "the first run or build makes it; cogsmith lock does it now. Commit it",
            )  # fmt: skip
        return
    drift = state.drift
    if drift is not None and drift.foreign:
        yield _finding(
            Severity.NOTE, state.name, "was made by another tool: nobody can say what it answers",
            "cogsmith lock makes one that says it",
        )  # fmt: skip
    elif drift:
        for line in drift.lines():
            yield _finding(Severity.WARNING, state.name, line, AGAIN)
    elif not pinned_base(state.lock):
        yield _finding(
            Severity.NOTE, state.name, "does not pin the base image yet",
            "the first build writes its digest there",
        )  # fmt: skip


def _finding(severity: Severity, where: str, message: str, hint: str) -> Finding:
    return Finding(topic=Topic.LOCK, severity=severity, message=message, where=where, hint=hint)
