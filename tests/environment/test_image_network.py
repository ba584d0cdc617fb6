"""Locks and wheels for images from the package index itself."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from cogsmith.environment import ImageTarget, Settings, fetch_wheels, image_source, pinned_source
from tests.environment.conftest import MakeProject
from tests.environment.locks import sha256

pytestmark = pytest.mark.network


@pytest.fixture
def settings(tmp_path: Path, uv_cache: Path) -> Settings:
    """The person's own settings, with caches of this test."""
    chosen = {"COGSMITH_CACHE_DIR": str(tmp_path / "cache"), "UV_CACHE_DIR": str(uv_cache)}
    return Settings.of({**os.environ, **chosen}, home=Path.home())


@pytest.mark.parametrize(
    ("platform", "machine"), [("linux/amd64", "x86_64"), ("linux/arm64", "aarch64")]
)
def test_a_lock_and_its_wheels_for_a_platform(
    make_project: MakeProject, settings: Settings, platform: str, machine: str
) -> None:
    project = make_project("six", "tqdm", "idna", "regex==2026.2.28", "msgspec==0.20.0")
    source = image_source(project, settings, ImageTarget(platform=platform))
    wheels = {wheel.name: wheel for wheel in fetch_wheels(source, settings)}
    assert {"six", "tqdm", "idna", "regex", "msgspec", "cog"} <= set(wheels)
    assert wheels["msgspec"].filename.endswith(f"{machine}.whl")
    assert wheels["six"].filename.endswith("none-any.whl")
    for wheel in wheels.values():
        assert sha256(wheel.path) == wheel.sha256
        assert zipfile.ZipFile(wheel.path).testzip() is None
        assert wheel.origin.partition(":")[0] in ("https", "")  # "": a folder is an index here


def test_a_python_that_is_not_on_this_machine(
    make_project: MakeProject, settings: Settings
) -> None:
    source = image_source(make_project("msgspec==0.20.0", python="3.14"), settings)
    wheels = {wheel.name: wheel for wheel in fetch_wheels(source, settings)}
    assert "-cp314-cp314-" in wheels["msgspec"].filename


def test_the_servers_own_packages(make_project: MakeProject, settings: Settings) -> None:
    target = image_source(make_project("six"), settings, ImageTarget(platform="linux/arm64")).target
    source = pinned_source(("httptools==0.7.1", "msgspec==0.20.0"), target, settings)
    wheels = fetch_wheels(source, settings)
    assert [wheel.name for wheel in wheels] == ["httptools", "msgspec"]
    assert all("aarch64" in wheel.filename for wheel in wheels)


def test_an_sdist_is_built(make_project: MakeProject, settings: Settings) -> None:
    project = make_project("--no-binary six", "six==1.17.0")
    wheels = {
        wheel.name: wheel for wheel in fetch_wheels(image_source(project, settings), settings)
    }
    assert wheels["six"].version == "1.17.0"
    assert wheels["six"].built
