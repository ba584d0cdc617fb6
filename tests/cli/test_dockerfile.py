"""``cogsmith dockerfile`` (and ``debug``): what would be run, printed without Docker."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.workshop import PREDICTOR

CONFIG = """\
build:
  gpu: true
  python_version: "3.12"
  system_packages: [ffmpeg]
  run:
    - echo hello world
    - command: echo shh
      mounts: [{type: secret, id: foo, target: secret.txt}]
predict: "predict.py:Predictor"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "cog.yaml").write_text(CONFIG)
    (folder / "predict.py").write_text(PREDICTOR)
    return folder


def cogsmith(
    project: Path, environment: dict[str, str], *words: str, **more: str
) -> subprocess.CompletedProcess[str]:
    nothing = {"DOCKER_HOST": "unix:///nowhere", "COGSMITH_BASE_IMAGE": ""}
    return subprocess.run(
        ["cogsmith", *words], cwd=project, text=True, capture_output=True, check=False,
        env={**os.environ, **environment, **nothing, **more},
    )  # fmt: skip


@pytest.mark.parametrize("command", ["dockerfile", "debug"])
def test_what_is_run_is_printed(
    project: Path, command_environment: dict[str, str], command: str
) -> None:
    ran = cogsmith(project, command_environment, command)
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert "FROM python:3.12-slim" in lines
    assert "RUN echo hello world" in lines
    assert "RUN --mount=type=secret,id=foo,target=secret.txt echo shh" in lines
    assert any(line.startswith("RUN apt-get") and " ffmpeg " in line for line in lines)


def test_the_base_image_is_as_told(project: Path, command_environment: dict[str, str]) -> None:
    words = ("dockerfile", "--base-image", "nvidia/cuda:12.4.1-devel-ubuntu22.04")
    ran = cogsmith(project, command_environment, *words)
    assert "FROM nvidia/cuda:12.4.1-devel-ubuntu22.04\n" in ran.stdout


def test_it_is_written_to_a_file(project: Path, command_environment: dict[str, str]) -> None:
    printed = cogsmith(project, command_environment, "dockerfile").stdout
    ran = cogsmith(project, command_environment, "dockerfile", "-o", "made.Dockerfile")
    assert ran.stdout == ""
    assert (project / "made.Dockerfile").read_text() == printed


def test_cog_s_options_are_taken(project: Path, command_environment: dict[str, str]) -> None:
    words = ("debug", "--use-cuda-base-image=false", "--image-name", "x", "--separate-weights")
    assert cogsmith(project, command_environment, *words).returncode == 0


def test_a_build_without_docker_names_the_builder(
    project: Path, command_environment: dict[str, str]
) -> None:
    ran = cogsmith(project, command_environment, "build")
    assert ran.returncode == 1
    assert "build with --builder docker" in ran.stderr
