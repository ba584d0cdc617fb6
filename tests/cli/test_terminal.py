"""On a terminal bars move; elsewhere every line stands on its own, without control codes."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from .running import slow_index

PYTHON = ".".join(map(str, sys.version_info[:2]))
ESCAPE = b"\x1b["


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "requirements.txt").write_text("thing==1.0\n")
    (folder / "cog.yaml").write_text(
        f'build:\n  python_version: "{PYTHON}"\n  python_requirements: requirements.txt\n'
        "predict: predict.py:Predictor\n"
    )
    (folder / "predict.py").write_text(
        "from cog import BasePredictor\n\n\nclass Predictor(BasePredictor):\n"
        "    def predict(self) -> str:\n        return ''\n"
    )
    return folder


@pytest.fixture
def environment(tmp_path: Path, command_environment: dict[str, str]) -> dict[str, str]:
    return {
        **command_environment, "TERM": "xterm-256color", "NO_COLOR": "",
        "COGSMITH_CACHE_DIR": str(tmp_path / "cache"), "UV_CACHE_DIR": str(tmp_path / "uv"),
    }  # fmt: skip


def lock(project: Path, environment: dict[str, str], *options: str, screen: bool) -> bytes:
    """What `cogsmith lock` writes to standard error, a terminal or not; it must go well."""
    with slow_index(project.parent / "wheels") as index:
        inside, theirs = pty.openpty() if screen else os.pipe()
        process = subprocess.Popen(
            ["cogsmith", "lock", *options], cwd=project, stdin=subprocess.DEVNULL, stderr=theirs,
            stdout=subprocess.PIPE, env={**os.environ, **environment, **index.environment},
        )  # fmt: skip
        os.close(theirs)
        with process, os.fdopen(inside, "rb", buffering=0) as stream:
            said = _all(stream.fileno())
            assert process.stdout
            assert process.stdout.read() == b""
    assert process.returncode == 0, said.decode()
    assert (project / "pylock.toml").exists()
    return said


def _all(descriptor: int) -> bytes:
    parts = []
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # Linux's way to say that nobody holds the terminal any more
            part = b""
        if not part:
            return b"".join(parts)
        parts.append(part)


def test_a_terminal_gets_bars_and_colors(project: Path, environment: dict[str, str]) -> None:
    said = lock(project, environment, screen=True)
    assert b"\x1b[2K" in said  # a line is drawn anew
    assert b"\x1b[32m" in said  # what is done is green
    assert said.count(b"\x1b[?25l") == said.count(b"\x1b[?25h")  # the cursor comes back
    assert b"wrote pylock.toml: 2 packages" in said


def test_a_pipe_gets_plain_lines(project: Path, environment: dict[str, str]) -> None:
    said = lock(project, environment, screen=False)
    assert ESCAPE not in said
    assert b"\r" not in said
    assert b"wrote pylock.toml: 2 packages\n" in said


@pytest.mark.parametrize(("variable", "value"), [("TERM", "dumb"), ("COGSMITH_PROGRESS", "plain")])
def test_a_terminal_can_be_spared_bars(
    variable: str, value: str, project: Path, environment: dict[str, str]
) -> None:
    said = lock(project, {**environment, variable: value}, screen=True)
    assert ESCAPE not in said
    assert b"wrote pylock.toml" in said


def test_no_color_leaves_bars_without_color(project: Path, environment: dict[str, str]) -> None:
    said = lock(project, {**environment, "NO_COLOR": "1"}, screen=True)
    assert b"\x1b[32m" not in said
    assert b"wrote pylock.toml" in said


def test_quiet_says_nothing_at_all(project: Path, environment: dict[str, str]) -> None:
    assert lock(project, environment, "--progress", "quiet", screen=True) == b""
