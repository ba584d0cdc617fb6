"""What is wrong with cog.yaml, and with the code that it names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cogsmith.doctor.finding import Finding, Severity, Topic, of_problems
from cogsmith.doctor.project import Project
from cogsmith.errors import Problem

__all__ = ["config_findings", "signature_findings"]

# The config's own words for what is advice on images alone, and for Cog's newer name, which
# the topic of the names speaks of.
_NAMES = 'deprecated field "predict"'
_QUIET = ("is not set: an image gets Python",)


def config_findings(project: Project) -> Iterator[Finding]:
    """Errors, deprecated keys, keys without effect."""
    missing = tuple(_missing(project))
    named = {finding.message.removesuffix(" not found") for finding in missing}
    other = [p for p in project.problems if not _says(p, named)]
    yield from of_problems(Topic.CONFIG, other)
    yield from missing
    for problem in project.warnings:
        if not problem.message.startswith(_NAMES):
            quiet = problem.message.startswith(_QUIET)
            severity = Severity.NOTE if quiet else Severity.WARNING
            yield from of_problems(Topic.CONFIG, [problem], severity)


def _missing(project: Project) -> Iterator[Finding]:
    for key, file, _ in project.references:
        if file not in project.sources and file not in project.names:
            yield Finding(
                topic=Topic.CONFIG, severity=Severity.ERROR, where=f"{project.file}: {key}",
                message=f"{file} not found",
                hint=f"Create {file} or update the {key} field in {project.file}",
            )  # fmt: skip


def _says(problem: Problem, files: set[str]) -> bool:
    """Whether a problem of the config's reader is of a file that was told of already."""
    return any(f'"{file}"' in problem.message for file in files)


def signature_findings(project: Project) -> Iterator[Finding]:
    """What the predictor's and the trainer's source do not allow."""
    yield from of_problems(Topic.SIGNATURE, project.signature)
    yield from of_problems(Topic.SIGNATURE, project.doubts, Severity.WARNING)
    config = project.config
    if config is not None and not config.predictor:
        hint = 'add   predict: "predict.py:Predictor"'
        yield replace(
            of_problems(Topic.CONFIG, [Problem("no predictor is named", project.file, hint)])[0],
            severity=Severity.WARNING,
        )
