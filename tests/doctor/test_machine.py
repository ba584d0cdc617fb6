"""What is said of a machine, of a lock, and of the files that go into an image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cogsmith.doctor import (
    Finding,
    Heavy,
    Severity,
    Space,
    Surroundings,
    Topic,
    examine,
    look_at_files,
)
from cogsmith.doctor.project import LockState
from cogsmith.environment import Drift
from cogsmith.errors import Problem
from tests.doctor.projects import NEWER, PYTHON, RUNNER, locked, project

GB = 1_000_000_000
NO_ENGINE = Problem("there is no Docker engine here", hint="start it")
WHOLE = project(NEWER, run=RUNNER)


def found(topic: Topic, config: str = NEWER, **around: object) -> list[Finding]:
    made = replace(Surroundings(python="3.12.1"), **around)
    return [one for one in examine(project(config, run=RUNNER), made) if one.topic is topic]


def test_a_good_machine_is_worth_no_word() -> None:
    assert examine(WHOLE, Surroundings(python="3.12.1")) == ()


def test_a_python_that_is_not_here_is_fetched() -> None:
    [one] = found(Topic.PYTHON, python="")
    assert (one.severity, one.message) == (Severity.NOTE, f"Python {PYTHON} is not here")


def test_uv_is_needed() -> None:
    [one] = found(Topic.PYTHON, uv=Problem("the uv package has no program in it"))
    assert one.severity is Severity.ERROR


def test_a_full_disk_is_told_once() -> None:
    spaces = (
        Space("the cache", "/c", GB, 1), Space("Docker", "/d", GB, 1), Space("x", "/x", 99 * GB, 2),
    )  # fmt: skip
    [one] = found(Topic.DISK, spaces=spaces)
    assert (one.severity, one.where) == (Severity.WARNING, "/c")
    assert "1.0 GB are free for the cache and Docker" in one.message


def test_a_gpu_model_takes_more_room() -> None:
    spaces = (Space("the cache", "/c", 9 * GB, 1),)
    assert found(Topic.DISK, spaces=spaces) == []
    assert found(Topic.DISK, NEWER.replace("build:", "build:\n  gpu: true"), spaces=spaces)


def test_docker_is_not_needed_unless_commands_run_in_the_image() -> None:
    [one] = found(Topic.DOCKER, docker=NO_ENGINE)
    assert (one.severity, one.hint) == (Severity.NOTE, "it is not needed for this model")
    needs = (Problem("asks to run a command", "cog.yaml: build.run"),)
    [one] = found(Topic.DOCKER, docker=NO_ENGINE, needs_docker=needs)
    assert (one.severity, one.where) == (Severity.WARNING, "cog.yaml: build.run")
    assert found(Topic.DOCKER, needs_docker=needs) == []
    assert found(Topic.DOCKER, docker=NO_ENGINE, docker_wanted=False) == []


def test_a_registry_that_does_not_take_us_is_a_warning() -> None:
    [one] = found(Topic.REGISTRY, asked="r.example", registry=Problem("it does not know us"))
    assert (one.severity, one.hint) == (Severity.WARNING, "cogsmith login r.example")


def test_the_lock() -> None:
    def said(state: LockState) -> list[tuple[Severity, str]]:
        whole = replace(WHOLE, lock=state)
        found = examine(whole, Surroundings(python="3.12.1"))
        return [(one.severity, one.message) for one in found if one.topic is Topic.LOCK]

    assert said(LockState(name="pylock.toml")) == [(Severity.NOTE, "is not there yet")]
    assert said(LockState(name="pylock.toml", problems=(Problem("is not a lock"),))) == [
        (Severity.ERROR, "is not a lock")
    ]
    drifted = replace(locked("a==1"), drift=Drift(added=("b==2",), removed=("a==1",)))
    assert [severity for severity, _ in said(drifted)] == [Severity.WARNING] * 2
    foreign = replace(locked("a==1"), drift=Drift(foreign=True))
    assert [severity for severity, _ in said(foreign)] == [Severity.NOTE]
    assert said(replace(locked("a==1"), drift=Drift())) == [
        (Severity.NOTE, "does not pin the base image yet")
    ]


# --- files


def test_secrets_and_heavy_files_that_go_into_the_image() -> None:
    [secret, heavy] = found(Topic.FILES, secret=(".env",), heavy=(Heavy("runs", 2 * GB),))
    assert (secret.severity, secret.where) == (Severity.WARNING, ".env")
    assert (heavy.severity, heavy.message) == (Severity.NOTE, "2.0 GB of it go into the image")


def test_files_are_looked_through(tmp_path: Path) -> None:
    for name in (".env", ".env.example", "keys/id_rsa", "out/.env", "venv/.env"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    (tmp_path / "runs").mkdir()
    with (tmp_path / "runs" / "big").open("wb") as big:
        big.truncate(GB)  # it takes no room
    secret, heavy = look_at_files(tmp_path, lambda path: path == "out")
    assert secret == (".env", "keys/id_rsa")
    assert heavy == (Heavy("runs", GB),)
    assert look_at_files(tmp_path, lambda _: True) == ((), ())
