"""``cogsmith doctor``: what may be in a model's way, and ``--fix`` for what can be mended.

The words that programs look for, and what ``--fix`` leaves behind, are Cog's.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import click

from cogsmith.cli import options
from cogsmith.cli.console import GREEN, RED, YELLOW, Console
from cogsmith.cli.environment import settings
from cogsmith.config import ModelConfig, find
from cogsmith.doctor import (
    Finding,
    Project,
    Severity,
    Surroundings,
    Topic,
    examine,
    look_at_files,
    look_at_machine,
    look_at_project,
    mend,
    treat,
)
from cogsmith.errors import (
    CogsmithError,
    DockerError,
    Problem,
    RegistryError,
    Unauthorized,
    UsageError,
)
from cogsmith.values import dataclass

COLORS = {Severity.ERROR: RED, Severity.WARNING: YELLOW, Severity.NOTE: ""}
Skips = Callable[[str], bool]


@click.command("doctor")
@options.model
@click.option("--fix", is_flag=True, help="Mend what can be mended, in the project's files.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def command(model: str | None, file: str | None, fix: bool, as_json: bool) -> None:
    """Look for what may keep a model from running or being built.

    The config, the code and the lock are looked at, and this machine: Python, GPU and driver,
    disks, Docker, the registry of the model's image. Nothing is changed without --fix, which
    keeps all else in the files as it is.

    Exit code 1 says that there are errors; warnings and notes stop nothing.
    """
    console = Console.of_terminal()
    if model and file:
        hint = "one of them is enough"
        raise UsageError(f"both MODEL ({model}) and -f ({file}) are given", hint=hint)
    path = find(file or model, Path.cwd())
    report = _treated(path) if fix else _examined(path)
    if as_json:
        sys.stdout.write(json.dumps(report.document(), indent=2, ensure_ascii=False) + "\n")
    else:
        report.show(console)
    if report.count(Severity.ERROR):
        sys.exit(1)


@dataclass(frozen=True)
class Report:
    """What was found and, with ``--fix``, what was mended."""

    findings: tuple[Finding, ...]
    fixed: tuple[Finding, ...] = ()
    fixing: bool = False

    def count(self, severity: Severity) -> int:
        """How many findings there are of a severity."""
        return sum(finding.severity is severity for finding in self.findings)

    def document(self) -> dict[str, object]:
        """As a value of JSON."""
        return {
            "findings": [_document(one) for one in self.findings],
            "fixed": [_document(one) for one in self.fixed],
            **{f"{severity.value}s": self.count(severity) for severity in Severity},
        }

    def show(self, console: Console) -> None:
        """Tell it, topic by topic, on standard error."""
        console.note("cogsmith doctor is experimental: what it looks for may still change")
        for topic in Topic:
            fixed = [one for one in self.fixed if one.topic is topic]
            found = [one for one in self.findings if one.topic is topic]
            if fixed:
                console.line(f"{console.paint('fixed    ', GREEN)}Fixed: {topic.title}")
                console.lines(f"           {Problem(one.message, one.where)}" for one in fixed)
            if found:
                worst = min((one.severity for one in found), key=list(Severity).index)
                head = console.paint(f"{worst.value:<9}", COLORS[worst])
                console.line(f"{head}{topic.title}")
                console.lines(_lines(found))
            if not fixed and not found:
                console.line(f"{console.paint('ok       ', GREEN)}{topic.title}")
        console.line(self.summary())

    def summary(self) -> str:
        """The last line."""
        told = [_some(self.count(severity), severity.value) for severity in Severity]
        several = [words for words in told if words]
        bad = self.count(Severity.ERROR) + self.count(Severity.WARNING)
        if self.fixed:
            left = f"; {', '.join(several)} left" if several else ""
            return f"Fixed {_some(len(self.fixed), 'finding')}{left}"
        if not bad:
            return f"no issues found{f', {several[0]}' if several else ''}"
        fixable = sum(one.fixable and one.severity is not Severity.NOTE for one in self.findings)
        more = f"; cogsmith doctor --fix mends {fixable} of them" if fixable else ""
        return f"Found {', '.join(several)}{'' if self.fixing else more}"


def _lines(findings: list[Finding]) -> Iterator[str]:
    """What is wrong, and what to do; advice for several is given once."""
    following = [finding.hint for finding in findings[1:]] + [""]
    for finding, next_hint in zip(findings, following, strict=True):
        yield f"           {Problem(finding.message, finding.where)}"
        if finding.hint and finding.hint != next_hint:
            yield f"           Remediation: {finding.hint}"


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}" if count else ""


def _document(finding: Finding) -> dict[str, object]:
    return {**asdict(finding), "topic": finding.topic.value, "severity": finding.severity.value}


def _examined(path: Path) -> Report:
    project = look_at_project(path, settings())
    return Report(examine(project, _around(path, project)))


def _treated(path: Path) -> Report:
    """Mend what can be mended, and look again at what is there then."""
    before = look_at_project(path, settings())
    around = _around(path, before)
    treatment = treat(before)
    if treatment.changes:
        mend(path.parent, treatment.changes)
    after = look_at_project(path, settings())
    found = examine(after, around)
    fixed = tuple(
        one
        for one in examine(before, around)
        if one.fixable and one.topic in treatment.topics and one not in found
    )
    left = [one for one in found if not _is_told(one, treatment.obstacles)]
    return Report((*treatment.obstacles, *left), fixed, fixing=True)


def _is_told(finding: Finding, obstacles: Iterable[Finding]) -> bool:
    """Whether an obstacle says it already, as an error."""
    return any(finding.topic is one.topic for one in obstacles)


def _around(path: Path, project: Project) -> Surroundings:
    """What surrounds a project, as far as it matters for it."""
    config = project.config or ModelConfig()
    told = settings()
    places = {"the cache": told.cache}
    if os.environ.get("COGSMITH_STORE"):
        places["the store"] = Path(os.environ["COGSMITH_STORE"]).expanduser().absolute()
    docker, root = _docker() if not os.environ.get("COG_SKIP_DOCKER_CHECK") else (None, None)
    if root is not None:
        places["Docker"] = root
    minor = ".".join(config.build.python_version.split(".")[:2])
    around = look_at_machine(minor, told, places, gpu=config.build.gpu)
    secret, heavy = look_at_files(path.parent, _ignore(path.parent))
    asked, registry = _registry(config)
    return replace(
        around, docker=docker, needs_docker=_needs(config, path), secret=secret, heavy=heavy,
        asked=asked, registry=registry, gpu_wanted=not os.environ.get("COG_SKIP_GPU_CHECK"),
        docker_wanted=not os.environ.get("COG_SKIP_DOCKER_CHECK"),
    )  # fmt: skip


def _needs(config: ModelConfig, path: Path) -> tuple[Problem, ...]:
    from cogsmith.image import refusals

    return refusals(config, file=path.name)


def _docker() -> tuple[Problem | None, Path | None]:
    """What is wrong with Docker's engine, and where it keeps its images, if that is here."""
    from cogsmith.image import Engine

    try:
        told = Engine.find(os.environ, home=Path.home()).ask("GET", "/info") or {}
    except DockerError as error:
        return error.problems[0], None
    root = Path(str(told.get("DockerRootDir") or ""))
    return None, root if root.is_absolute() and root.is_dir() else None


def _ignore(folder: Path) -> Skips:
    """What .dockerignore leaves out, beside what never goes into an image."""
    from cogsmith.image import Ignore

    try:
        text = (folder / ".dockerignore").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    try:
        return Ignore.parse(text).skips
    except CogsmithError:
        return Ignore.parse("").skips  # a build says what is wrong with it


def _registry(config: ModelConfig) -> tuple[str, Problem | None]:
    """The registry of the model's image, and why it does not take us, if so."""
    if not config.image:
        return "", None
    from cogsmith.cli.transfers import keychain
    from cogsmith.oci import Reference
    from cogsmith.registry import Backoff, Client, Settings

    told = replace(
        Settings.of(os.environ), backoff=Backoff(tries=1), connect_timeout=3.0, reply_timeout=10.0
    )
    try:
        registry = Reference.parse(config.image).registry
        with Client(told, keychain().find) as client:
            client.check(registry)
    except Unauthorized as error:
        hint = f"cogsmith login {registry}"
        return registry, Problem(error.message, registry, hint)
    except RegistryError as error:
        hint = "building goes without it; pushing does not"
        return registry, Problem(error.message, registry, hint)
    except CogsmithError as error:
        return config.image, error.problems[0]
    return registry, None
