"""What a lock pins beside its packages: kept, and no part of what is locked."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from cogsmith.environment import (
    Settings,
    find_compiler,
    load_lock,
    pin_base,
    pin_compiler,
    pinned_base,
    pinned_compiler,
    write_lock,
)
from cogsmith.environment.lock import Lock
from tests.environment.conftest import MakeProject

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


def read(path: Path) -> Lock:
    lock = load_lock(path)
    assert lock
    return lock


@pytest.fixture
def path(make_project: MakeProject, settings: Settings) -> Path:
    project = make_project("alpha")
    write_lock(project, settings)
    return project.project / "pylock.toml"


def test_a_base_is_pinned_and_changes_nothing_else(path: Path) -> None:
    before, text = read(path), path.read_text("utf-8")
    assert pin_base(path, "python:3.11-slim", "linux/amd64", DIGEST)
    after = read(path)
    assert pinned_base(after) == {"python:3.11-slim linux/amd64": DIGEST}
    assert after.answers == before.answers
    assert after.digest() == before.digest()
    assert path.read_text("utf-8").startswith(text.partition("[tool.cogsmith.target]")[0])


def test_a_second_platform_joins_and_a_new_digest_replaces(path: Path) -> None:
    pin_base(path, "python:3.11-slim", "linux/arm64", DIGEST)
    pin_base(path, "python:3.11-slim", "linux/amd64", DIGEST)
    pin_base(path, "python:3.11-slim", "linux/arm64", OTHER)
    assert pinned_base(read(path)) == {
        "python:3.11-slim linux/amd64": DIGEST,
        "python:3.11-slim linux/arm64": OTHER,
    }


def test_the_same_pin_again_does_not_touch_the_file(path: Path) -> None:
    pin_base(path, "python:3.11-slim", "linux/amd64", DIGEST)
    path.chmod(0o444)
    before = path.stat()
    assert pin_base(path, "python:3.11-slim", "linux/amd64", DIGEST)
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino


@pytest.mark.parametrize("upgrade", [False, True])
def test_a_relock_keeps_the_pin(
    make_project: MakeProject, settings: Settings, path: Path, upgrade: bool
) -> None:
    pin_base(path, "python:3.11-slim", "linux/amd64", DIGEST)
    write_lock(make_project("alpha", "beta<2"), settings, upgrade=upgrade)
    assert pinned_base(read(path)) == {"python:3.11-slim linux/amd64": DIGEST}


def test_a_lock_that_is_not_ours_is_left_alone(path: Path) -> None:
    foreign = path.read_text("utf-8").partition("[tool.cogsmith]")[0]
    path.write_text(foreign, "utf-8")
    assert not pin_base(path, "python:3.11-slim", "linux/amd64", DIGEST)
    assert path.read_text("utf-8") == foreign
    assert pinned_base(read(path)) == {}


def test_no_lock_and_no_toml_are_left_alone(path: Path, tmp_path: Path) -> None:
    assert not pin_base(tmp_path / "pylock.none.toml", "x", "linux/amd64", DIGEST)
    path.write_text("[", "utf-8")
    assert not pin_base(path, "x", "linux/amd64", DIGEST)


def test_the_compiler_is_pinned_beside_the_base(
    make_project: MakeProject, settings: Settings, path: Path
) -> None:
    before = read(path)
    assert pin_base(path, "python:3.11-slim", "linux/amd64", DIGEST)
    assert pin_compiler(path, "3.11.7")
    write_lock(make_project("alpha", "beta<2"), settings)
    after = read(path)
    assert pinned_compiler(after) == "3.11.7"
    assert pinned_base(after) == {"python:3.11-slim linux/amd64": DIGEST}
    assert pinned_compiler(before) == ""


def test_the_pinned_release_is_found_and_any_of_the_minor_version_otherwise(
    settings: Settings,
) -> None:
    minor, own = ".".join(platform.python_version_tuple()[:2]), platform.python_version()
    for release in (own, ""):
        found = find_compiler(minor, release, settings)
        assert found
        assert (found.release, found.python) == (own, Path(sys.executable))
    other = find_compiler(minor, f"{minor}.999", settings)
    assert other
    assert other.release == own


def test_a_release_that_was_found_is_found_again_without_a_process(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "bin" / "python3.99"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\necho 3.99.1\n")
    python.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setattr("cogsmith.environment.machine.find_python", lambda *_: python)
        first = find_compiler("3.99", "3.99.1", settings)
    assert first
    assert (first.python, first.release) == (python, "3.99.1")
    monkeypatch.setattr("cogsmith.environment.machine.find_python", lambda *_: None)
    assert find_compiler("3.99", "3.99.1", settings) == first
    python.write_text("#!/bin/sh\necho 3.99.2\n# another\n")
    assert find_compiler("3.99", "3.99.1", settings) is None


def test_a_python_that_is_not_here_is_no_compiler(settings: Settings) -> None:
    assert find_compiler("3.4", "", settings) is None
