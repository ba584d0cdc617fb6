"""Environments: whole or not at all, with several processes and with killed ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cogsmith.config import Loaded
from cogsmith.environment import Progress, Settings, prepare, remove_unused, write_lock
from cogsmith.errors import InstallError
from tests.environment.conftest import Heard, MakeProject, MakeSettings
from tests.environment.wheels import make_source

PATIENCE = 30.0

CHILD = """
import json, sys
from pathlib import Path
from cogsmith.config import load
from cogsmith.environment import Settings, prepare

variables, home, config = json.loads(sys.argv[1])

def tell(event):
    print(event.text, flush=True)

prepared = prepare(load(Path(config)), Settings.of(variables, home=Path(home)), tell=tell)
print(json.dumps([str(prepared.environment.python), prepared.environment.reused]))
"""


def start(project: Loaded, settings: Settings) -> subprocess.Popen[str]:
    """Another process that prepares the same model."""
    words = json.dumps([dict(settings.variables), str(settings.home), str(project.path)])
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, words], stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def folders(settings: Settings) -> list[Path]:
    return sorted(path for path in settings.environments.iterdir() if path.is_dir())


def make_slow_source(folder: Path) -> Path:
    """A source folder whose build waits until a file is there: a long installation."""
    make_source(folder, "slow", "1")
    gate = folder.parent / "gate"
    backend = folder / "backend.py"
    wait = (
        "def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
        "    import pathlib, time\n"
        f"    pathlib.Path({str(gate.with_name('begun'))!r}).touch()\n"
        f"    while not pathlib.Path({str(gate)!r}).exists():\n"
        "        time.sleep(0.005)\n"
    )
    original = "def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
    backend.write_text(backend.read_text("utf-8").replace(original, wait), "utf-8")
    return gate


def test_processes_at_the_same_time_make_one_environment(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("alpha")
    write_lock(project, settings)
    children = [start(project, settings) for _ in range(4)]
    results = [json.loads(c.communicate(timeout=60)[0].splitlines()[-1]) for c in children]
    assert {child.returncode for child in children} == {0}
    assert len({python for python, _ in results}) == 1
    assert sorted(reused for _, reused in results) == [False, True, True, True]
    assert len(folders(settings)) == 1


def test_a_process_that_waits_says_so(make_project: MakeProject, settings: Settings) -> None:
    project = make_project("./slow")
    source = project.project / "slow"
    gate = make_slow_source(source)
    write_lock(project, settings)
    (gate.with_name("begun")).unlink(missing_ok=True)
    first = start(project, settings)
    until(gate.with_name("begun").exists)
    second = start(project, settings)
    assert second.stdout
    line = second.stdout.readline().strip()
    gate.touch()
    assert line == "another process is making this environment: waiting for it"
    assert json.loads(first.communicate(timeout=60)[0].splitlines()[-1])[1] is False
    assert json.loads(second.communicate(timeout=60)[0].splitlines()[-1])[1] is True


@pytest.mark.parametrize("whole_group", [False, True])
def test_a_killed_process_leaves_nothing_that_matters(
    make_project: MakeProject, settings: Settings, whole_group: bool
) -> None:
    project = make_project("./slow", "alpha")
    gate = make_slow_source(project.project / "slow")
    write_lock(project, settings)
    gate.with_name("begun").unlink(missing_ok=True)
    killed = start(project, settings)
    until(gate.with_name("begun").exists)
    (os.killpg if whole_group else os.kill)(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=PATIENCE)
    assert [path for path in folders(settings) if "." not in path.name] == []
    gate.touch()
    prepared = prepare(project, settings)
    assert not prepared.environment.reused
    assert folders(settings) == [prepared.environment.folder]
    subprocess.run([str(prepared.environment.python), "-c", "import slow, alpha"], check=True)


def test_an_interrupted_process_leaves_nothing(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("./slow")
    gate = make_slow_source(project.project / "slow")
    write_lock(project, settings)
    gate.with_name("begun").unlink(missing_ok=True)
    child = start(project, settings)
    until(gate.with_name("begun").exists)
    os.kill(child.pid, signal.SIGINT)
    child.communicate(timeout=PATIENCE)
    assert folders(settings) == []


def test_scripts_of_packages_work_after_the_move(
    make_project: MakeProject, settings: Settings
) -> None:
    prepared = prepare(make_project("alpha"), settings)
    script = prepared.environment.folder / "bin" / "alpha"
    assert subprocess.run([script], capture_output=True, text=True).stdout == "1.0\n"


def test_two_models_with_the_same_packages_share_an_environment(
    make_project: MakeProject, settings: Settings
) -> None:
    first = prepare(make_project("alpha"), settings)
    second = prepare(make_project("alpha", name="other"), settings)
    assert second.lock_path.name == "pylock.other.toml"
    assert second.environment.folder == first.environment.folder
    assert second.environment.reused


def test_an_environment_whose_python_has_gone_is_made_again(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("alpha")
    python = prepare(project, settings).environment.python
    python.unlink()
    python.symlink_to("/no/such/python")
    prepared = prepare(project, settings)
    assert not prepared.environment.reused
    subprocess.run([str(prepared.environment.python), "-c", "import alpha"], check=True)


def test_other_bytes_than_the_locks_are_refused(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("beta==1.0")
    lock = write_lock(project, settings)
    digest = next(p for p in lock.document["packages"] if p["name"] == "beta")
    right = digest["wheels"][0]["hashes"]["sha256"]
    path = project.project / "pylock.toml"
    path.write_text(path.read_text("utf-8").replace(right, "0" * 64), "utf-8")
    with pytest.raises(InstallError, match="Hash mismatch") as caught:
        prepare(project, settings)
    assert "do not install them" in caught.value.hint
    assert folders(settings) == []


def test_a_cache_that_cannot_be_written_is_named(
    make_project: MakeProject, make_settings: MakeSettings, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    settings = make_settings({"COGSMITH_CACHE_DIR": str(tmp_path / "file")})
    with pytest.raises(InstallError) as caught:
        prepare(make_project("alpha"), settings)
    assert caught.value.where == "COGSMITH_CACHE_DIR"
    assert f"cannot be kept in {tmp_path / 'file'}: " in caught.value.message
    assert "a folder that you may write to" in caught.value.hint
    assert not (tmp_path / "project" / "pylock.toml").exists()  # told before resolving


def test_what_was_not_used_for_long_can_be_removed(
    make_project: MakeProject, settings: Settings
) -> None:
    old = prepare(make_project("alpha"), settings)
    new = prepare(make_project("beta", name="other"), settings)
    long_ago = time.time() - 1000
    os.utime(old.environment.folder / "pylock.toml", (long_ago, long_ago))
    assert remove_unused(settings, older_than=500) == (old.environment.folder,)
    assert folders(settings) == [new.environment.folder]
    assert not prepare(make_project("alpha"), settings).environment.reused


def test_use_counts_as_use(make_project: MakeProject, settings: Settings) -> None:
    project = make_project("alpha")
    stamp = prepare(project, settings).environment.folder / "pylock.toml"
    os.utime(stamp, (1, 1))
    prepare(project, settings)
    assert remove_unused(settings, older_than=500) == ()


def test_progress_has_a_plain_line_for_each_step(
    make_project: MakeProject, settings: Settings, heard: Heard
) -> None:
    project = make_project("alpha")
    write_lock(project, settings)
    prepare(project, settings, tell=heard)
    whole = [event.text for event in heard if isinstance(event, Progress) and event.whole]
    assert whole[0].startswith("installing 3 packages for Python")
    assert whole[-1].startswith("Installed 3 packages in")
