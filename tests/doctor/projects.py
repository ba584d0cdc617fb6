"""Projects as values, for checks and repairs that need no disk."""

from __future__ import annotations

import sys
from typing import Any

from cogsmith.config import parse
from cogsmith.doctor import Project, treat
from cogsmith.doctor.project import LockState
from cogsmith.environment import Lock

PYTHON = ".".join(map(str, sys.version_info[:2]))  # our own: nobody has to look for another
BUILD = f'build:\n  python_version: "{PYTHON}"\n'
STARTER = f'{BUILD}predict: "predict.py:Predictor"\n'
NEWER = f'{BUILD}run: "run.py:Runner"\n'
PREDICTOR = """\
from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self, s: str) -> str:
        return "hello " + s
"""
RUNNER = """\
from cog import BaseRunner


class Runner(BaseRunner):
    def run(self, s: str) -> str:
        return "hello " + s
"""


def project(config: str, **files: str) -> Project:
    """A project of a cog.yaml and Python files, named without their ending."""
    sources = {f"{name}.py": text.encode() for name, text in files.items()}
    return Project(
        file="cog.yaml", text=config.encode(), config=parse(config, where="cog.yaml"),
        sources=sources, names=frozenset({"cog.yaml", *sources}),
    )  # fmt: skip


def mended(before: Project) -> dict[str, str]:
    """The text of each file after all repairs."""
    after = before.changed(treat(before).changes)
    return {path: data.decode() for path, data in {**after.sources, "cog.yaml": after.text}.items()}


def locked(*packages: str) -> LockState:
    """A lock of packages ("torch==2.7.0") that does not say what it answers."""
    pins: list[dict[str, Any]] = []
    for package in packages:
        name, _, version = package.partition("==")
        pins.append({"name": name, "version": version})
    return LockState(name="pylock.toml", lock=Lock(document={"packages": pins}, answers=None))
