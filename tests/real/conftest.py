"""The small model, with its lock, for every test that wants one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.fixtures import locked
from tests.real.projects import Project, write

MakeProject = Callable[..., Project]


@pytest.fixture(scope="session")
def small_template(
    tmp_path_factory: pytest.TempPathFactory, shared_cache: Path, base_reference: str
) -> Project:
    """A small model, locked: no test has to wait for that again."""
    folder = tmp_path_factory.mktemp("small")
    environ = {
        "COGSMITH_CACHE_DIR": str(shared_cache),
        "COGSMITH_STORE": str(folder / "store"),
        "COGSMITH_BASE_IMAGE": base_reference,
    }
    project = write(folder / "model", environ)
    with locked(shared_cache / "small.lock"):
        project("lock")
    return project


@pytest.fixture
def small(small_template: Project, tmp_path: Path) -> Project:
    """A copy of the small model for one test, with a store of its own that is empty."""
    return small_template.twin(tmp_path / "model")


@pytest.fixture
def root() -> None:
    """For tests that mount, or become another user."""
    if os.geteuid() != 0:
        pytest.skip("we are not root")
