"""From a config to an environment, for real: uv resolves and installs wheels made here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cogsmith.config import Loaded, load
from cogsmith.environment import Progress, Settings, look, prepare, write_lock
from cogsmith.errors import InstallError, LockError, LockStale
from tests.environment.conftest import MINOR, Heard, MakeProject, MakeSettings
from tests.environment.wheels import lines, make_source, make_wheel

LINUX = pytest.mark.skipif(
    sys.platform != "linux" or not Path("/lib64/ld-linux-x86-64.so.2").exists(),
    reason="the wheels of torch that the tests make are for Linux on x86-64",
)


def version_of(python: Path, module: str) -> str:
    words = (str(python), "-c", f"import {module}; print({module}.VERSION)")
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def require(project: Loaded, *requirements: str) -> None:
    (project.project / "requirements.txt").write_text(lines(*requirements), "utf-8")


@LINUX
def test_a_first_run_writes_the_lock_and_makes_an_environment(
    make_project: MakeProject, settings: Settings, heard: Heard
) -> None:
    project = make_project("alpha")
    prepared = prepare(project, settings, tell=heard)
    assert not prepared.environment.reused
    assert version_of(prepared.environment.python, "beta") == "2.0"
    assert version_of(prepared.environment.python, "cog") == "0.23.1"
    assert prepared.lock_path == project.project / "pylock.toml"
    assert [pin.name for pin in prepared.lock.pins] == ["alpha", "beta", "cog"]
    assert prepared.drift is None
    (notice,) = prepared.notices
    assert notice.text == "pylock.toml takes alpha, beta, cog from a folder of this machine"
    steps = [event.step for event in heard if isinstance(event, Progress) and event.whole]
    assert steps[0] == "resolve"
    assert steps[-1] == "install"


@LINUX
def test_a_second_run_resolves_and_installs_nothing(
    make_project: MakeProject, settings: Settings, make_settings: MakeSettings, heard: Heard
) -> None:
    project = make_project("alpha")
    first = prepare(project, settings)
    # Nothing there to resolve with, nothing to install from: uv would fail.
    bare = make_settings({"UV_FIND_LINKS": "/nowhere", "UV_CACHE_DIR": "/nowhere"})
    second = prepare(project, bare, tell=heard)
    assert second.environment.reused
    assert second.environment.folder == first.environment.folder
    assert heard == []


@LINUX
def test_what_has_moved_is_told_before_anything_is_resolved(
    make_project: MakeProject, settings: Settings, heard: Heard
) -> None:
    project = make_project("alpha", "beta<2")
    prepare(project, settings)
    require(project, "alpha", "beta<1.1", "nvidia_cublas")
    prepared = prepare(project, settings, tell=heard)
    assert heard.texts[0] == (
        "pylock.toml does not answer what is asked for:\n"
        "  requirements now ask for nvidia-cublas\n"
        "  requirements ask for beta<1.1 where the lock answers beta<2"
    )
    assert prepared.notices[0].hint == "pylock.toml is now made anew; commit it"
    assert version_of(prepared.environment.python, "beta") == "1.0"


@LINUX
def test_drift_is_told_even_when_resolving_then_fails(
    make_project: MakeProject, settings: Settings, heard: Heard
) -> None:
    project = make_project("alpha")
    prepare(project, settings)
    before = (project.project / "pylock.toml").read_bytes()
    require(project, "alpha", "no-such-package")
    with pytest.raises(LockError, match="no-such-package was not found"):
        prepare(project, settings, tell=heard)
    assert "requirements now ask for no-such-package" in heard.texts[0]
    assert (project.project / "pylock.toml").read_bytes() == before


def test_locked_refuses_a_missing_lock(make_project: MakeProject, settings: Settings) -> None:
    with pytest.raises(LockStale, match="there is no lock") as caught:
        prepare(make_project("alpha"), settings, locked=True)
    assert caught.value.hint == "run `cogsmith lock` and commit pylock.toml"


def test_locked_refuses_drift_with_every_line(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("alpha", "beta<2")
    write_lock(project, settings)
    require(project, "beta<3", "nvidia-cublas")
    with pytest.raises(LockStale) as caught:
        prepare(project, settings, locked=True)
    assert [problem.message for problem in caught.value.problems] == [
        "requirements now ask for nvidia-cublas",
        "requirements no longer ask for alpha",
        "requirements ask for beta<3 where the lock answers beta<2",
    ]


@LINUX
def test_locked_runs_with_a_lock_that_answers(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("alpha")
    write_lock(project, settings)
    prepared = prepare(project, settings, locked=True)
    assert version_of(prepared.environment.python, "alpha") == "1.0"


def test_versions_are_kept_until_an_upgrade_is_asked_for(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("beta<2")
    write_lock(project, settings)
    require(project, "beta")
    kept = write_lock(project, settings)
    assert {pin.name: pin.version for pin in kept.pins}["beta"] == "1.1"
    upgraded = write_lock(project, settings, upgrade=True)
    assert {pin.name: pin.version for pin in upgraded.pins}["beta"] == "2.0"


def test_a_lock_is_the_same_bytes_in_another_folder(
    make_project: MakeProject, settings: Settings, tmp_path: Path
) -> None:
    project = make_project("alpha", "./local/gamma-1.0-py3-none-any.whl")
    make_wheel(project.project / "local", "gamma", "1.0")
    write_lock(project, settings)
    project.project.rename(tmp_path / "moved")
    moved = load(tmp_path / "moved" / "cog.yaml")
    before = (tmp_path / "moved" / "pylock.toml").read_bytes()
    assert b"project" not in before.partition(b"[tool")[0]
    write_lock(moved, settings)
    assert (tmp_path / "moved" / "pylock.toml").read_bytes() == before


def test_each_model_has_its_own_lock(make_project: MakeProject, settings: Settings) -> None:
    project = make_project("beta", name="flan-t5")
    write_lock(project, settings)
    assert (project.project / "pylock.flan-t5.toml").exists()


@LINUX
def test_a_gpu_model_without_a_gpu_gets_cpu_builds_and_is_told(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("needs-torch", gpu=True)
    prepared = prepare(project, settings)
    pins = {pin.name: pin.version for pin in prepared.lock.pins}
    assert pins["torch"] == "2.1+cpu"
    assert "nvidia-cublas" not in pins
    assert prepared.lock_path.parent == settings.locks
    assert not (project.project / "pylock.toml").exists()
    (notice,) = prepared.notices
    assert notice.text.startswith("this machine has no GPU: torch resolves to its CPU build")


def test_the_image_of_a_gpu_model_gets_cuda_builds(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("needs-torch", "torch<2.2", gpu=True)
    pins = {pin.name: pin.version for pin in write_lock(project, settings).pins}
    assert pins["torch"] == "2.1"
    assert "nvidia-cublas" in pins


@LINUX
def test_local_versions_follow_the_projects_lock(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("torch<2.1", "alpha", "beta<2", gpu=True)
    write_lock(project, settings)
    require(project, "torch>=2", "alpha", "beta")
    write_lock(project, settings)  # keeps torch 2.0 and beta 1.1
    prepared = prepare(project, settings)
    pins = {pin.name: pin.version for pin in prepared.lock.pins}
    assert (pins["torch"], pins["beta"]) == ("2.0+cpu", "1.1")


@LINUX
def test_local_versions_differ_where_the_projects_lock_has_no_cpu_build(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("torch>=2", gpu=True)
    lock = write_lock(project, settings)
    assert {pin.name: pin.version for pin in lock.pins}["torch"] == "2.2"
    prepared = prepare(project, settings)
    assert {pin.name: pin.version for pin in prepared.lock.pins}["torch"] == "2.1+cpu"
    assert "not all versions of pylock.toml can be had" in prepared.notices[0].text


@LINUX
def test_where_only_cuda_builds_are_nothing_is_installed(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("torch==2.2", gpu=True)
    with pytest.raises(LockError, match=r"only the CUDA build of torch 2\.2 was found") as caught:
        prepare(project, settings)
    assert "UV_FIND_LINKS" in caught.value.hint
    assert list(settings.environments.glob("*")) == []


@LINUX
def test_a_label_of_cuda_is_left_out_for_a_cpu(
    make_project: MakeProject, settings: Settings
) -> None:
    prepared = prepare(make_project("torch==2.0+cu124", gpu=True), settings)
    assert {pin.name: pin.version for pin in prepared.lock.pins}["torch"] == "2.0+cpu"


@LINUX
def test_a_gpu_model_on_a_gpu_machine_uses_the_projects_lock(
    make_project: MakeProject, make_settings: MakeSettings
) -> None:
    project = make_project("torch==2.2", gpu=True)
    prepared = prepare(project, make_settings(gpu=True))
    assert prepared.lock_path == project.project / "pylock.toml"
    assert "nvidia-cublas" in {pin.name for pin in prepared.lock.pins}
    assert not any("no GPU" in notice.text for notice in prepared.notices)


@LINUX
def test_a_lock_of_another_tool_is_kept_and_its_versions_are_used(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("beta<2")
    write_lock(project, settings)
    path = project.project / "pylock.toml"
    foreign = path.read_text("utf-8").partition("[tool.cogsmith]")[0]
    path.write_text(foreign, "utf-8")
    require(project, "beta")
    prepared = prepare(project, settings)
    assert path.read_text("utf-8") == foreign
    assert "another tool made it" in prepared.notices[0].text
    assert {pin.name: pin.version for pin in prepared.lock.pins}["beta"] == "1.1"


@LINUX
def test_local_folders_and_wheels_are_installed_and_seen_when_they_change(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("./local/gamma-1.0-py3-none-any.whl")
    wheel = make_wheel(project.project / "local", "gamma", "1.0")
    assert version_of(prepare(project, settings).environment.python, "gamma") == "1.0"
    make_wheel(project.project / "local", "gamma", "1.0", requires=["beta"])
    with pytest.raises(InstallError, match="Hash mismatch") as caught:
        prepare(project, settings)
    assert "run `cogsmith lock`" in caught.value.hint
    write_lock(project, settings)
    assert version_of(prepare(project, settings).environment.python, "beta") == "2.0"
    assert wheel.exists()


def test_conflicts_stay_readable(make_project: MakeProject, settings: Settings) -> None:
    with pytest.raises(LockError) as caught:
        prepare(make_project("needs-old-beta", "beta>=2"), settings)
    assert "needs-old-beta" in caught.value.message
    assert "beta<2" in caught.value.message
    assert caught.value.hint == "loosen or change one of the versions named above"


def test_a_python_that_is_not_there_is_told_before_anything_is_resolved(
    make_project: MakeProject, settings: Settings, heard: Heard
) -> None:
    with pytest.raises(InstallError) as caught:
        prepare(make_project("beta", python="3.19"), settings, tell=heard)
    assert caught.value.where == "build.python_version"
    assert "Python 3.19 is not on this machine (found: " in caught.value.message
    assert MINOR in caught.value.message
    assert "UV_PYTHON_DOWNLOADS rules a download out" in caught.value.message
    assert heard == []


def test_a_python_that_uv_may_download_is_asked_for(
    make_project: MakeProject, make_settings: MakeSettings, heard: Heard
) -> None:
    settings = make_settings({"UV_PYTHON_DOWNLOADS": ""})  # but UV_OFFLINE is set
    with pytest.raises(InstallError, match="uv could not download it"):
        prepare(make_project("beta", python="3.19"), settings, tell=heard)
    assert heard.texts == ["downloading Python 3.19"]


def test_a_requirements_file_that_is_not_there_names_who_names_it(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("six", "-r more.txt", "six=1")
    with pytest.raises(LockError) as caught:
        look(project, settings)
    missing, other = caught.value.problems
    assert missing.where == "requirements.txt:2"
    assert missing.message == "more.txt cannot be read: No such file or directory"
    assert missing.hint == f"more.txt is read from the folder {project.project}"
    assert other.where == "requirements.txt:3"


@LINUX
def test_hashes_of_the_author_hold(make_project: MakeProject, settings: Settings) -> None:
    project = make_project("beta==1.0 --hash=sha256:" + "0" * 64)
    with pytest.raises(LockError, match=r"beta 1\.0: none of its files has a hash"):
        prepare(project, settings)


@LINUX
def test_overrides_win(make_project: MakeProject, settings: Settings) -> None:
    project = make_project("needs-old-beta")
    (project.project / "overrides.txt").write_text("beta==2.0\n", "utf-8")
    path = project.project / "cog.yaml"
    path.write_text(
        path.read_text("utf-8").replace(
            "  python_requirements", "  python_overrides: overrides.txt\n  python_requirements"
        ),
        "utf-8",
    )
    prepared = prepare(load(path), settings)
    assert {pin.name: pin.version for pin in prepared.lock.pins}["beta"] == "2.0"


@LINUX
def test_pips_settings_are_honored(
    make_project: MakeProject, make_settings: MakeSettings, wheels: Path
) -> None:
    settings = make_settings({
        "UV_FIND_LINKS": "", "UV_NO_INDEX": "",
        "PIP_FIND_LINKS": f"/no/such/folder {wheels}", "PIP_NO_INDEX": "1",
    })  # fmt: skip
    prepared = prepare(make_project("alpha"), settings)
    assert version_of(prepared.environment.python, "alpha") == "1.0"


@LINUX
def test_a_folder_is_installed_again_when_it_changes(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("./delta")
    module = make_source(project.project / "delta", "delta", "1")
    first = prepare(project, settings).environment
    assert version_of(first.python, "delta") == "1"
    module.write_text("VERSION = 'two'\n", "utf-8")
    second = prepare(project, settings).environment
    assert version_of(second.python, "delta") == "two"
    assert second.folder != first.folder


@LINUX
def test_an_editable_folder_shows_changes_without_an_install(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("-e ./delta")
    module = make_source(project.project / "delta", "delta", "1")
    first = prepare(project, settings).environment
    module.write_text("VERSION = 'two'\n", "utf-8")
    second = prepare(project, settings).environment
    assert second.reused
    assert version_of(second.python, "delta") == "two"
    assert second.folder == first.folder
