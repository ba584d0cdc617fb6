"""Broken configs, predictors, inputs and commands: one small file each, in ``broken/``.

A file is a story (tests/stories/story.py) with one command. What it says about itself
becomes the first column of the page, and what it puts in backticks must stand in its files
or its command, so that the page shows what was really run. Files that are not given come
from ``HEALTHY``, a project that works.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from cogsmith.cli.main import main
from tests.stories.story import Story, parse

BROKEN = Path(__file__).parent / "broken"
HEALTHY = {
    "cog.yaml": 'build:\n  python_version: "{python}"\npredict: "predict.py:Predictor"\n',
    "predict.py": (
        "from cog import BasePredictor, Input\n\n\n"
        "class Predictor(BasePredictor):\n"
        "    def predict(self, prompt: str, count: int = Input(default=1, ge=1, le=5)) -> str:\n"
        "        return prompt * count\n"
    ),
}
PYTHON = ".".join(map(str, sys.version_info[:2]))


@dataclass(frozen=True)
class Said:
    """What a person sees on standard error, and the exit code."""

    lines: tuple[str, ...]
    exit_code: int


def cases() -> list[Story]:
    """All of them, in the order of the page."""
    return [parse(path) for path in sorted(BROKEN.glob("*.txt"))]


def lay_out(case: Story, folder: Path) -> None:
    """Make the case's project."""
    for name, text in {**HEALTHY, **case.files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{python}", PYTHON), "utf-8")


def run_in_process(case: Story, capsys: pytest.CaptureFixture[str]) -> Said:
    """Run a case's command in this process and this folder."""
    with pytest.raises(SystemExit) as ended:
        main(case.steps[0].words[1:])
    assert isinstance(ended.value.code, int)
    return _said(capsys.readouterr().err, ended.value.code, Path.cwd())


def run_as_command(case: Story, folder: Path, environment: dict[str, str]) -> Said:
    """Run a case's command as a person would."""
    ran = subprocess.run(
        case.steps[0].words, cwd=folder, env={**os.environ, **environment}, capture_output=True,
        text=True, timeout=240, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    return _said(ran.stderr, ran.returncode, folder)


def _said(text: str, exit_code: int, folder: Path) -> Said:
    """The errors and their hints, without what differs from machine to machine."""
    text = text.replace(str(folder), "/project")
    text = re.sub(r"\n *cause: .*?(?=\nhint:|$)", "\n… (what uv says)", text, flags=re.DOTALL)
    text = re.sub(r"read as Python 3\.\d+", "read as Python 3.13", text)
    lines = text.splitlines()
    first = next((n for n, line in enumerate(lines) if line.startswith("error:")), len(lines))
    return Said(tuple(lines[first:]), exit_code)
