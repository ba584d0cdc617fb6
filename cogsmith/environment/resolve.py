"""Requirements become a lock: uv resolves, we ask, and ask again for the right builds."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from cogsmith import __version__
from cogsmith.environment.accelerators import (
    Attempt,
    attempts,
    cuda_of,
    cuda_within,
    for_cpu,
    last_attempt,
    other_ways,
    unfit,
    without,
)
from cogsmith.environment.events import Progress, Tell, silent
from cogsmith.environment.indexes import no_index, option_variables, secrets_in
from cogsmith.environment.load import uv_variables, wheels_at_hand
from cogsmith.environment.lock import Lock, Pin, answers, render
from cogsmith.environment.lock import parse as parse_lock
from cogsmith.environment.machine import find_python, uv_program
from cogsmith.environment.relocation import editable, relocated, within_hashes
from cogsmith.environment.requirements import Requirements, is_local, path_of
from cogsmith.environment.settings import Settings
from cogsmith.environment.target import Target
from cogsmith.environment.uv_output import explain, progress_of
from cogsmith.errors import CommandFailed, LockError
from cogsmith.process import draw, run
from cogsmith.values import dataclass

__all__ = ["Question", "resolve", "uv_version"]

EXCLUSIONS = 8  # so many CPU builds may be in the way of a CUDA build


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to resolve, where from, and where the lock will stand.

    ``earlier`` is a lock whose versions are kept where they still fit; ``pinned`` is one
    whose versions are binding (the project's, when this lock is for another target).
    ``pins`` holds what the earlier lock pins beside packages, which the new lock keeps.
    """

    requirements: Requirements
    target: Target
    project: Path
    path: Path
    earlier: Lock | None = None
    pinned: Lock | None = None
    pins: Mapping[str, Any] = field(default_factory=dict, hash=False)


def resolve(question: Question, settings: Settings, *, tell: Tell = silent) -> str:
    """Resolve a question to the text of a lock. Nothing is written but in a temporary folder.

    Raises LockError: in uv's words when the requirements have no solution or the index
    cannot be reached.
    """
    requirements, target = question.requirements, question.target
    asked = for_cpu(requirements) if target.accelerator == "cpu" else requirements
    tell(Progress(step="resolve", text=f"resolving packages for {target}", whole=True))
    with tempfile.TemporaryDirectory(prefix="cogsmith-") as folder:
        resolver = _Resolver(question, asked, settings, Path(folder), tell)
        lock = _settle(resolver.ask, target, wheels_at_hand(resolver.variables))
        document = relocated(
            lock.document,
            source=Path(folder),
            target=question.path.parent,
            project=question.project,
        )
    document = within_hashes(
        editable(document, _editables(question), question.project), requirements.hashes()
    )
    return render(
        document, answers(requirements, target), made_by=__version__, resolved_by=uv_version(),
        pins=question.pins,
    )  # fmt: skip


def _editables(question: Question) -> set[Path]:
    """The folders that a requirement names with ``-e``; uv's lock forgets that."""
    return {
        (question.project / Path(path_of(line)).expanduser()).resolve()
        for line in question.requirements.packages
        if line.startswith("-e ") and is_local(line)
    }


def uv_version() -> str:
    """Name and version of the resolver, as a lock states it."""
    return " ".join(run((uv_program(), "--version")).output.split()[:2])


def _settle(ask: Callable[[Attempt], Lock], target: Target, wheels: tuple[str, ...]) -> Lock:
    """Ask until the builds of torch fit the target."""
    *firsts, free = attempts(target, wheels)
    for attempt in firsts:
        try:
            lock = ask(attempt)
        except LockError:
            continue  # that build does not fit the requirements; the last attempt may complain
        if not unfit(target, lock.pins) and cuda_within(target, lock.pins):
            return lock
    lock = ask(free)
    for _ in range(EXCLUSIONS if target.accelerator == "cuda" else 0):
        if not (wrong := unfit(target, lock.pins)):
            break
        free = without(free, wrong)
        lock = ask(free)
    if last := last_attempt(target, lock.pins):
        lock = _ask_for_cpu(ask, last, target, lock)
    if wrong := unfit(target, lock.pins):
        raise _no_build(target, wrong)
    return lock if cuda_within(target, lock.pins) else _ask_for_cuda(ask, free, target, lock)


def _ask_for_cuda(ask: Callable[[Attempt], Lock], free: Attempt, target: Target, had: Lock) -> Lock:
    """Find torch's build for the CUDA that was asked for, where the free choice is another."""
    tried = [f"the indexes and folders that are known give {_torch_of(had)}"]
    for attempt in other_ways(target, had.pins):
        what = ", ".join(attempt.constraints) or f"torch's own index ({attempt.backend})"
        try:
            lock = ask(replace(attempt, constraints=(*free.constraints, *attempt.constraints)))
        except LockError as error:
            tried.append(f"{what}: {_reason(error)}")
            continue
        if cuda_within(target, lock.pins):
            return lock
        tried.append(f"{what}: gives {_torch_of(lock)}")
    raise LockError(
        f"no build of torch for CUDA {target.cuda} was found; what was tried:\n"
        + "\n".join(f"  {line}" for line in tried),
        where="build.cuda",
        hint="leave build.cuda out (torch's wheels bring their own CUDA; the image needs only the "
        "driver), or name an index or folder with that build in UV_INDEX or UV_FIND_LINKS",
    )


def _torch_of(lock: Lock) -> str:
    version = next((pin.version for pin in lock.pins if pin.name == "torch"), "")
    return f"torch {version} (CUDA {cuda_of(lock.pins) or 'of a version that nothing tells'})"


def _ask_for_cpu(
    ask: Callable[[Attempt], Lock], attempt: Attempt, target: Target, cuda: Lock
) -> Lock:
    try:
        return ask(attempt)
    except LockError as error:
        raise _no_build(target, unfit(target, cuda.pins), _reason(error)) from error


def _reason(error: LockError) -> str:
    """The first and the last line of what uv says."""
    lines = [line.strip() for line in error.message.splitlines()]
    return "; ".join(dict.fromkeys((lines[0], lines[-1])))


def _no_build(target: Target, wrong: tuple[Pin, ...], reason: str = "") -> LockError:
    other = {"cpu": "CUDA", "cuda": "CPU"}[target.accelerator]
    names = ", ".join(f"{pin.name} {pin.version}" for pin in wrong)
    also = f"; torch's own index of CPU builds does not help: {reason}" if reason else ""
    return LockError(
        f"only the {other} build of {names} was found for {target}{also}",
        hint="put a wheel of the other build into a folder and name it with UV_FIND_LINKS, or name "
        "an index that has one with UV_INDEX (docs/how-to/environments.md)",
    )


class _Resolver:
    """uv, asked about one question in one temporary folder."""

    def __init__(
        self, question: Question, asked: Requirements, settings: Settings, folder: Path, tell: Tell
    ) -> None:
        self.question, self.asked, self.folder, self.tell = question, asked, folder, tell
        variables = uv_variables(settings)
        python = find_python(question.target.python, settings, variables)
        self.python = python or Path(sys.executable)
        # An option overrules its variable, and ours are given as options.
        self.constraints = variables.pop("UV_CONSTRAINT", "").split()
        self.overrides = variables.pop("UV_OVERRIDE", "").split()
        self.variables = {
            **option_variables(asked.options, variables, project=question.project),
            "NO_COLOR": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }

    def ask(self, attempt: Attempt) -> Lock:
        """Resolve once. Raises LockError."""
        output = self.folder / "pylock.toml"
        output.unlink(missing_ok=True)
        self._prefer_earlier(output)
        try:
            draw(
                self._command(attempt, output), env=self.variables, cwd=self.question.project,
                on_line=self._hear, secrets=secrets_in(self.variables),
            )  # fmt: skip
        except CommandFailed as error:
            raise LockError(
                [explain(error.tail, what="the packages cannot be resolved")]
            ) from error
        return parse_lock(output.read_text("utf-8"), where="uv's answer")

    def _prefer_earlier(self, output: Path) -> None:
        """Leave the earlier lock where uv looks: it keeps the versions of what it replaces."""
        if self.question.earlier:
            packages = [p for p in self.question.earlier.document["packages"] if "version" in p]
            earlier = {**self.question.earlier.document, "packages": packages}
            text = render(
                earlier, answers(Requirements(), self.question.target), made_by="", resolved_by=""
            )
            output.write_text(text, "utf-8")

    def _command(self, attempt: Attempt, output: Path) -> tuple[str, ...]:
        target, flags = self.question.target, list[str]()
        constraints = [
            *self._lines(self.asked.constraints), *self._pins(), *attempt.constraints,
        ]  # fmt: skip
        for path in (self._file("constraints.txt", constraints), *self.constraints):
            flags += ["--constraints", path]
        for path in (
            self._file("overrides.txt", self._lines(self.asked.overrides)),
            *self.overrides,
        ):
            flags += ["--overrides", path]
        if target.uv_platform:
            flags += ["--python-platform", target.uv_platform]
        if attempt.backend:
            flags += ["--torch-backend", attempt.backend]
        return (
            uv_program(), "pip", "compile", self._file("requirements.in", self._requirements()),
            "--output-file", str(output), "--format", "pylock.toml", "--generate-hashes",
            "--no-header", "--no-annotate", "--python", str(self.python),
            "--python-version", target.python, *no_index(self.variables), *flags,
        )  # fmt: skip

    def _file(self, name: str, lines: list[str]) -> str:
        path = self.folder / name
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        return str(path)

    def _requirements(self) -> list[str]:
        builds = [o for o in self.asked.options if o.startswith(("--no-binary", "--only-binary"))]
        return [*builds, *self._lines(self.asked.packages)]

    def _lines(self, lines: tuple[str, ...]) -> list[str]:
        """The lines as uv reads them from another folder: with absolute paths."""
        return [self._absolute(line) if is_local(line) else line for line in lines]

    def _absolute(self, line: str) -> str:
        path = path_of(line)
        found = (self.question.project / Path(path).expanduser()).resolve()
        return line.replace(path, str(found), 1)

    def _pins(self) -> list[str]:
        """The binding versions, without the labels of builds: torch 2.6.0+cu124 binds 2.6.0."""
        pins = self.question.pinned.pins if self.question.pinned else ()
        return [f"{pin.name}=={pin.version.partition('+')[0]}" for pin in pins if pin.version]

    def _hear(self, line: str) -> None:
        if progress := progress_of(line):
            self.tell(progress)
