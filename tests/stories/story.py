"""Stories: one text file per behavior, with files, commands and what a person then sees.

The format::

    What this story is about, and why. Needs: network
    -- cog.yaml --
    predict: "predict.py:Predictor"
    -- predict.py --
    ...
    $ cogsmith predict -i name=Ada
    > hello Ada
    ! (a line on standard error that contains this)
    ? 0

``$`` runs a command in the story's folder, by the words of a shell's quoting but without a
shell. ``>`` lines are the whole of standard output, in order; a line that begins with ``>~``
is a regular expression. ``!`` lines are contained in standard error, in order; ``!!`` must
not be there. ``?`` is the exit code (0 when it is not told). ``=`` names a file and what it
contains after the command.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

FILE = re.compile(r"^-- (\S+) --$")


@dataclass
class Step:
    """One command and what is expected of it."""

    words: list[str]
    line: int
    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    never: list[str] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)
    exit_code: int = 0


@dataclass
class Story:
    """A parsed story file."""

    path: Path
    about: str
    files: dict[str, str]
    steps: list[Step]

    @property
    def needs(self) -> set[str]:
        found = re.search(r"Needs: ([\w, ]+)", self.about)
        return set(re.split(r"[, ]+", found[1].strip())) if found else set()


def parse(path: Path) -> Story:
    """Read a story file."""
    about: list[str] = []
    files: dict[str, list[str]] = {}
    steps: list[Step] = []
    current: list[str] | None = about
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        name = FILE.match(line)
        if name:
            current = files.setdefault(name[1], [])
        elif line.startswith("$ "):
            current = None
            steps.append(Step(shlex.split(line[2:]), number))
        elif current is not None:
            current.append(line)
        elif line.strip():
            _expect(steps[-1], line, f"{path}:{number}")
    texts = {name: "\n".join(lines) + "\n" for name, lines in files.items()}
    return Story(path, "\n".join(about), texts, steps)


def _expect(step: Step, line: str, where: str) -> None:
    mark, _, rest = line.partition(" ")
    if mark in (">", ">~"):
        step.stdout.append(rest if mark == ">" else f"~{rest}")
    elif mark == "!":
        step.stderr.append(rest)
    elif mark == "!!":
        step.never.append(rest)
    elif mark == "?":
        step.exit_code = int(rest)
    elif mark == "=":
        name, _, text = rest.partition(" ")
        step.files.append((name, text))
    elif mark != "#":
        raise ValueError(f"{where}: a story line begins with $ > >~ ! !! ? = or #")


def play(story: Story, folder: Path, environment: dict[str, str]) -> None:
    """Make the files, run the commands, compare."""
    for name, text in story.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    for step in story.steps:
        ran = subprocess.run(
            step.words, cwd=folder, env={**os.environ, **environment}, capture_output=True,
            text=True, timeout=240, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        _compare(step, ran, f"{story.path.name}:{step.line}: {shlex.join(step.words)}", folder)


def _compare(step: Step, ran: subprocess.CompletedProcess[str], where: str, folder: Path) -> None:
    said = f"{where}\n--- stdout\n{ran.stdout}--- stderr\n{ran.stderr}"
    assert ran.returncode == step.exit_code, f"exit code {ran.returncode}\n{said}"
    lines = ran.stdout.splitlines()
    if step.stdout:
        assert len(lines) == len(step.stdout), said
    for expected, line in zip(step.stdout, lines, strict=False):
        if expected.startswith("~"):
            assert re.search(expected[1:], line), f"{expected!r} does not match {line!r}\n{said}"
        else:
            assert line == expected, said
    position = 0
    for expected in step.stderr:
        position = ran.stderr.find(expected, position)
        assert position >= 0, f"{expected!r} is not on standard error, or out of order\n{said}"
    for unwanted in step.never:
        assert unwanted not in ran.stderr + ran.stdout, f"{unwanted!r} is there\n{said}"
    for name, text in step.files:
        assert text in (folder / name).read_text("utf-8"), f"{name} lacks {text!r}\n{said}"
