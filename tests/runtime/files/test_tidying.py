"""Output files that are removed, and above all those that are not."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from cogsmith.runtime.files import tidy


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """A temporary folder of this test alone; home and project are elsewhere."""
    for name in ("tmp", "project", "home"):
        (tmp_path / name).mkdir()
    return tmp_path / "tmp"


def tidied(temporary: Path, *files: Path, since: float = 0, project: str = "project") -> list[Path]:
    urls = [path.as_uri() for path in files]
    place = temporary.parent / project
    return tidy(urls, since=since, project=place, temporary=temporary)


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_what_a_prediction_left_in_the_temporary_folder_goes(temporary: Path) -> None:
    since = time.time()
    files = [made(temporary / "a ä.png"), made(temporary / "deep" / "b")]
    assert tidied(temporary, *files, since=since) == files
    assert not any(path.exists() for path in files)
    assert (temporary / "deep").exists()


def test_files_elsewhere_stay(temporary: Path) -> None:
    files = [made(temporary.parent / where / "cat.png") for where in ("home", "project")]
    sly = temporary / ".." / "home" / "cat.png"
    assert tidied(temporary, *files, sly) == []
    assert all(path.exists() for path in files)


def test_a_folder_that_only_looks_like_it_is_not_the_temporary_one(temporary: Path) -> None:
    other = made(temporary.with_name("tmp-of-mine") / "x")
    assert tidied(temporary, other) == []
    assert other.exists()


def test_a_link_to_a_folder_leads_to_no_removal(temporary: Path) -> None:
    precious = made(temporary.parent / "home" / "precious")
    (temporary / "link").symlink_to(precious.parent)
    assert tidied(temporary, temporary / "link" / "precious") == []
    assert precious.exists()


def test_of_a_link_to_a_file_the_link_alone_goes(temporary: Path) -> None:
    precious = made(temporary.parent / "home" / "precious")
    link = temporary / "link"
    link.symlink_to(precious)
    assert tidied(temporary, link) == [link]
    assert not link.is_symlink()
    assert precious.exists()


def test_what_was_there_before_the_prediction_stays(temporary: Path) -> None:
    old = made(temporary / "made-by-setup.png")
    os.utime(old, (2e9, 2e9))  # what people may set says nothing
    assert tidied(temporary, old, since=time.time() + 60) == []
    assert old.exists()


def test_a_project_in_the_temporary_folder_keeps_its_files(temporary: Path) -> None:
    own = made(temporary / "project" / "assets" / "logo.png")
    beside = made(temporary / "out.png")
    assert tidied(temporary, own, beside, project="tmp/project") == [beside]
    assert own.exists()


@pytest.mark.parametrize("project", ["/", ".", "tmp"])
def test_a_project_around_the_temporary_folder_changes_nothing(
    temporary: Path, project: str
) -> None:
    out = made(temporary / "out.png")
    assert tidied(temporary, out, project=project) == [out]


def test_what_is_gone_already_is_no_error(temporary: Path) -> None:
    out = made(temporary / "out.png")
    folder = temporary / "folder"
    folder.mkdir()
    assert tidied(temporary, out, out, folder) == [out]
    assert folder.exists()


def test_by_default_it_is_the_temporary_folder_of_this_process() -> None:
    with tempfile.NamedTemporaryFile(delete=False) as out:
        pass
    assert tidy([Path(out.name).as_uri()], since=0) == [Path(out.name)]
