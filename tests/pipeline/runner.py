"""A small runner: it does what GitHub's runner does with the steps of a job that have ``run:``.

The repository is a clone, each step is a script of its own for ``bash -e``, and files carry
variables, outputs and the summary from one to the next. Actions (``uses:``) are left out: the
clone and the Python are there.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.pipeline.expressions import holds, text_of

PATIENCE = 280.0


@dataclass
class Ran:
    """What came of a job; ``steps`` are the names of those that were run."""

    code: int = 0
    log: str = ""
    summary: str = ""
    steps: list[str] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass
class Runner:
    """A machine with a clone of a repository on it, and what the platform knows."""

    clone: Path
    home: Path
    github: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)

    def job(self, name: str, needs: Mapping[str, Ran] | None = None, **matrix: str) -> Ran:
        """Run one job of the workflow in the clone; it ends with the first step that fails."""
        workflow = yaml.safe_load((self.clone / ".github/workflows/models.yml").read_text())
        job = workflow["jobs"][name]
        needed = {key: {"outputs": ran.outputs} for key, ran in (needs or {}).items()}
        context: dict[str, Any] = {
            "github": self.github, "secrets": self.secrets, "vars": self.variables,
            "matrix": matrix, "needs": needed, "steps": {},
        }  # fmt: skip
        ran = Ran()
        if not holds(job.get("if", "'yes'"), context):
            return ran
        variables = _filled({**workflow["env"], **job.get("env", {})}, context)
        for step in job["steps"]:
            if "run" not in step or not holds(step.get("if", "'yes'"), context):
                continue
            self._step(step, context, variables, ran)
            if ran.code:
                return ran
        outputs = job.get("outputs", {})
        ran.outputs = {key: text_of(text, context) for key, text in outputs.items()}
        return ran

    def _step(
        self, step: dict[str, Any], context: dict[str, Any], variables: dict[str, str], ran: Ran
    ) -> None:
        files = {name: self.home / name for name in ("ENV", "OUTPUT", "STEP_SUMMARY")}
        for path in files.values():
            path.write_text("")
        script = self.home / "step.sh"
        script.write_text(text_of(step["run"], context))
        done = self.shell(
            str(script), **variables, **_filled(step.get("env", {}), context),
            **{f"GITHUB_{name}": str(path) for name, path in files.items()},
        )  # fmt: skip
        ran.steps.append(step["name"])
        ran.log += f"## {step['name']}\n{done.stdout}"
        ran.code = done.returncode
        ran.summary += files["STEP_SUMMARY"].read_text()
        variables |= _lines(files["ENV"])
        if "id" in step:
            context["steps"][step["id"]] = {"outputs": _lines(files["OUTPUT"])}

    def shell(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script in the clone, as a person might; output and errors are one."""
        words = ["bash", "-e", script] if Path(script).is_file() else ["bash", "-ec", script]
        return subprocess.run(
            words, cwd=self.clone, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False, timeout=PATIENCE,
            env={**os.environ, **self.environ, **self._given(), **variables},
        )  # fmt: skip

    def _given(self) -> dict[str, str]:
        """What GitHub's runner sets itself, of all that it knows."""
        told = ("repository", "sha", "actor", "ref")
        return {f"GITHUB_{name.upper()}": str(self.github.get(name, "")) for name in told} | {
            "CI": "true", "HOME": str(self.home),
        }  # fmt: skip


def _filled(variables: Mapping[str, str], context: Mapping[str, Any]) -> dict[str, str]:
    return {name: text_of(str(text), context) for name, text in variables.items()}


def _lines(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())
