"""Sources become wheels once: sdists, archives, folders and repositories, built by uv for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cogsmith.environment import Notice, Progress, Settings, Target, Wheel, fetch_wheels
from cogsmith.errors import InstallError
from tests.environment.conftest import MINOR, Heard, MakeSettings
from tests.environment.locks import sha256, source_of
from tests.environment.wheels import make_source

HERE = Target(python=MINOR, platform="linux-x86_64", accelerator="cpu")
ARM = replace(HERE, platform="linux-aarch64")


def module_of(wheel: Wheel, name: str) -> str:
    with zipfile.ZipFile(wheel.path) as archive:
        return archive.read(f"{name}.py").decode()


def make_sdist(folder: Path, name: str, *, suffix: str = ".tar.gz") -> Path:
    """Pack a source folder as an sdist, or as a zip file."""
    tree = folder / "tree" / f"{name}-1.0"
    make_source(tree, name, "1")
    path = folder / f"{name}-1.0{suffix}"
    if suffix == ".zip":
        shutil.make_archive(str(path.with_suffix("")), "zip", tree.parent, tree.name)
    else:
        with tarfile.open(path, "w:gz") as archive:
            archive.add(tree, tree.name)
    return path


def local(path: Path, kind: str = "sdist", **more: Any) -> dict[str, Any]:
    entry = {"path": path.name, "hashes": {"sha256": sha256(path)}, **more}
    return {"name": path.name.split("-")[0], "version": "1.0", kind: entry}


def builds(heard: Heard) -> int:
    return sum(isinstance(e, Progress) and e.text.startswith("building a wheel") for e in heard)


@pytest.mark.parametrize("suffix", [".tar.gz", ".zip"])
def test_an_sdist_is_built_once(
    tmp_path: Path, settings: Settings, heard: Heard, suffix: str
) -> None:
    source = source_of(tmp_path, local(make_sdist(tmp_path, "delta", suffix=suffix)), target=HERE)
    (wheel,) = fetch_wheels(source, settings, tell=heard)
    assert (wheel.name, wheel.version, wheel.built) == ("delta", "1.0", True)
    assert (wheel.origin, wheel.direct_url) == ("", None)
    assert wheel.path == settings.wheels / wheel.sha256 / "delta-1.0-py3-none-any.whl"
    assert sha256(wheel.path) == wheel.sha256
    assert "VERSION = '1'" in module_of(wheel, "delta")
    shutil.rmtree(settings.chosen)
    assert fetch_wheels(source, settings, tell=heard) == (wheel,)
    assert builds(heard) == 1


def test_a_pure_wheel_that_was_built_here_fits_another_platform(
    tmp_path: Path, settings: Settings
) -> None:
    source = source_of(tmp_path, local(make_sdist(tmp_path, "delta")), target=ARM)
    assert fetch_wheels(source, settings)[0].built


def test_a_compiled_wheel_does_not(tmp_path: Path, settings: Settings, heard: Heard) -> None:
    tree = tmp_path / "delta"
    make_source(tree, "delta", "1")
    backend = tree / "backend.py"
    tag = f"cp{MINOR.replace('.', '')}-cp{MINOR.replace('.', '')}-linux_x86_64"
    backend.write_text(backend.read_text("utf-8").replace("py3-none-any", tag), "utf-8")
    package = {"name": "delta", "directory": {"path": "delta"}}
    (wheel,) = fetch_wheels(source_of(tmp_path, package, target=HERE), settings, tell=heard)
    assert wheel.filename.endswith("linux_x86_64.whl")
    assert any(isinstance(e, Notice) and "compiled on this machine" in e.text for e in heard)
    with pytest.raises(InstallError, match="does not run on linux-aarch64"):
        fetch_wheels(source_of(tmp_path, package, target=ARM), settings)


def test_a_folder_is_built_again_when_it_changes_and_is_left_as_it_was(
    tmp_path: Path, settings: Settings, heard: Heard
) -> None:
    module = make_source(tmp_path / "delta", "delta", "1")
    entry = {"path": "delta", "editable": True}
    source = source_of(tmp_path, {"name": "delta", "directory": entry}, target=HERE)
    before = sorted(p.name for p in (tmp_path / "delta").iterdir())
    (first,) = fetch_wheels(source, settings, tell=heard)
    assert first.direct_url == {"url": "file:///delta", "dir_info": {}}
    assert "VERSION = '1'" in module_of(first, "delta")
    module.touch()  # newer, and the same
    assert fetch_wheels(source, settings, tell=heard) == (first,)
    assert builds(heard) == 1
    module.write_text("VERSION = 'two'\n", "utf-8")
    (second,) = fetch_wheels(source, settings, tell=heard)
    assert "VERSION = 'two'" in module_of(second, "delta")
    assert builds(heard) == 2
    assert sorted(p.name for p in (tmp_path / "delta").iterdir()) == before


def git(folder: Path, *words: str) -> str:
    env = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
    }  # fmt: skip
    done = subprocess.run(("git", *words), cwd=folder, env=env, check=True, capture_output=True)
    return done.stdout.decode().strip()


def test_a_repository_is_built_at_its_commit(tmp_path: Path, settings: Settings) -> None:
    repository = tmp_path / "repository"
    module = make_source(repository / "python", "delta", "1")
    git(repository, "init", "--quiet")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "one")
    commit = git(repository, "rev-parse", "HEAD")
    module.write_text("VERSION = 'two'\n", "utf-8")
    git(repository, "commit", "--quiet", "-am", "two")
    entry = {
        "type": "git", "url": repository.as_uri(), "requested-revision": "v1",
        "commit-id": commit, "subdirectory": "python",
    }  # fmt: skip
    (wheel,) = fetch_wheels(
        source_of(tmp_path, {"name": "delta", "vcs": entry}, target=HERE), settings
    )
    assert "VERSION = '1'" in module_of(wheel, "delta")
    assert wheel.direct_url == {
        "url": "file:///delta",
        "vcs_info": {"vcs": "git", "commit_id": commit, "requested_revision": "v1"},
        "subdirectory": "python",
    }


def test_a_commit_that_is_not_there(tmp_path: Path, settings: Settings) -> None:
    make_source(tmp_path / "repository", "delta", "1")
    git(tmp_path / "repository", "init", "--quiet")
    entry = {"type": "git", "path": "repository", "commit-id": "0" * 40}
    with pytest.raises(InstallError, match="delta: the repository cannot be fetched"):
        fetch_wheels(source_of(tmp_path, {"name": "delta", "vcs": entry}, target=HERE), settings)


def test_builds_that_fail_all_show_their_last_lines(tmp_path: Path, settings: Settings) -> None:
    for name in ("one", "two"):
        make_source(tmp_path / name, name, "1")
        (tmp_path / name / "backend.py").write_text(
            f"def build_wheel(*_, **__):\n    raise SystemExit('no compiler for {name}')\n", "utf-8"
        )
    packages = [{"name": name, "directory": {"path": name}} for name in ("one", "two")]
    with pytest.raises(InstallError) as caught:
        fetch_wheels(source_of(tmp_path, *packages, target=HERE), settings)
    one, two = caught.value.problems
    assert one.message.startswith("one does not build here:\n")
    assert "no compiler for one" in one.message
    assert "no compiler for two" in two.message
    assert str(tmp_path) not in one.message
    assert "UV_FIND_LINKS" in one.hint


def test_a_python_that_is_not_here_is_asked_for_by_what_needs_it(
    tmp_path: Path, settings: Settings
) -> None:
    sdist = local(make_sdist(tmp_path, "delta"))
    target = replace(HERE, python="3.19")
    with pytest.raises(InstallError, match=r"building one needs Python 3\.19") as caught:
        fetch_wheels(source_of(tmp_path, sdist, target=target), settings)
    assert f"(found: {MINOR}" in caught.value.message or MINOR in caught.value.message


def test_a_build_knows_nothing_of_when_and_where(
    tmp_path: Path, make_settings: MakeSettings
) -> None:
    """The fixed clock and umask reach the build, whatever those of this process are."""
    make_source(tmp_path / "delta", "delta", "1")
    backend = tmp_path / "delta" / "backend.py"
    backend.write_text(
        "import os\n"
        + backend.read_text("utf-8").replace(
            'open("delta.py").read()',
            "f'SEEN = {os.environ[\"SOURCE_DATE_EPOCH\"]!r}, {os.umask(0):o}'",
        ),
        "utf-8",
    )
    source = source_of(tmp_path, {"name": "delta", "directory": {"path": "delta"}}, target=HERE)
    before = os.umask(0o077)
    try:
        (wheel,) = fetch_wheels(source, make_settings({"SOURCE_DATE_EPOCH": "1"}))
    finally:
        os.umask(before)
    assert module_of(wheel, "delta") == "SEEN = '946684800', 22"


def test_an_archive_that_leads_outside_is_refused(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "delta-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(__file__, "../outside.py")
    with pytest.raises(InstallError, match="cannot be unpacked"):
        fetch_wheels(source_of(tmp_path, local(path), target=HERE), settings)
