from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from cogsmith.config import Loaded, load
from cogsmith.environment import Event, Settings
from tests.environment.wheels import lines, make_wheel

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"

MakeProject = Callable[..., Loaded]
MakeSettings = Callable[..., Settings]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels: the whole world of packages, in these tests."""
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "cog", "0.23.1")
    make_wheel(folder, "alpha", "1.0", requires=["beta>=1"], script=True)
    for version in ("1.0", "1.1", "2.0"):
        make_wheel(folder, "beta", version)
    make_wheel(folder, "needs-old-beta", "1.0", requires=["beta<2"])
    linux = f"cp{MINOR.replace('.', '')}-cp{MINOR.replace('.', '')}-manylinux_2_28_x86_64"
    for version in ("2.1+cpu", "2.0+cpu"):
        make_wheel(folder, "torch", version, tag=linux)
    for version in ("2.0", "2.1", "2.2"):
        make_wheel(folder, "torch", version, requires=["nvidia-cublas"], tag=linux)
    make_wheel(folder, "nvidia-cublas", "1.0")
    make_wheel(folder, "needs-torch", "1.0", requires=["torch>=2.0"])
    return folder


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uv-cache")


@pytest.fixture
def make_settings(tmp_path: Path, wheels: Path, uv_cache: Path) -> MakeSettings:
    """Settings with nothing of this machine's, no index and no network."""

    def make(variables: Mapping[str, str] | None = None, *, gpu: bool = False) -> Settings:
        chosen = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path / "home"),
            "PIP_CONFIG_FILE": os.devnull,
            "UV_CACHE_DIR": str(uv_cache),
            "UV_FIND_LINKS": str(wheels),
            "UV_NO_CONFIG": "1",
            "UV_NO_INDEX": "1",
            "UV_OFFLINE": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "COGSMITH_CACHE_DIR": str(tmp_path / "cache"),
            "COGSMITH_GPU": "1" if gpu else "0",
        }
        return Settings.of({**chosen, **(variables or {})}, home=tmp_path / "home")

    return make


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings()


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """A project with these requirement lines, for the Python that we run on."""

    def make(*requirements: str, name: str = "", gpu: bool = False, python: str = MINOR) -> Loaded:
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        dotted = f"cog.{name}.yaml" if name else "cog.yaml"
        (folder / "requirements.txt").write_text(lines(*requirements), "utf-8")
        (folder / "predict.py").touch()
        (folder / dotted).write_text(
            lines(
                "build:",
                f"  gpu: {str(gpu).lower()}",
                *([f'  python_version: "{python}"'] if python else []),
                "  python_requirements: requirements.txt",
                "predict: predict.py:Predictor",
            ),
            "utf-8",
        )
        return load(folder / dotted)

    return make


class Heard(list[Event]):
    """Everything that was told, in order."""

    def __call__(self, event: Event) -> None:
        self.append(event)

    @property
    def texts(self) -> list[str]:
        return [event.text for event in self]


@pytest.fixture
def heard() -> Heard:
    return Heard()
