"""Ctrl-C, and readers that leave: a quiet end at any moment, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .running import running, slow_index, until

PYTHON = ".".join(map(str, sys.version_info[:2]))
CONFIG = f'build:\n  python_version: "{PYTHON}"\npredict: "predict.py:Predictor"\n'
PREDICTOR = """
import os
import time
from pathlib import Path

from cog import BasePredictor, ConcatenateIterator


def reached(what):
    if os.environ["SLEEP_IN"] == what:
        Path(what).touch()
        time.sleep(600)


reached("import")


class Predictor(BasePredictor):
    def setup(self):
        reached("setup")

    def predict(self) -> ConcatenateIterator[str]:
        yield "begun"
        reached("predict")
        for _ in range(200_000):
            yield "many words\\n"
"""
ASYNC_PREDICTOR = """
import asyncio
from pathlib import Path

from cog import AsyncConcatenateIterator, BasePredictor


class Predictor(BasePredictor):
    async def predict(self) -> AsyncConcatenateIterator[str]:
        yield "begun"
        Path("predict").touch()
        await asyncio.sleep(600)
"""

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="who started a process is read from /proc"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "cog.yaml").write_text(CONFIG)
    (folder / "predict.py").write_text(PREDICTOR)
    return folder


def quiet(err: str) -> None:
    """An interrupted command says so, and no more."""
    assert err.rstrip().endswith("interrupted")
    assert "Traceback" not in err
    assert "error:" not in err


@pytest.mark.network
@pytest.mark.parametrize(
    ("moment", "form"),
    [
        ("import", ()),
        ("setup", ()),
        ("predict", ()),
        ("predict", ("-o", "out.txt")),
        ("predict", ("--json", "{}", "-o", "out.json")),
    ],
)
def test_ctrl_c_while_the_model_works(
    moment: str, form: tuple[str, ...], project: Path, command_environment: dict[str, str]
) -> None:
    environment = {**command_environment, "SLEEP_IN": moment}
    before = {*os.listdir(project), moment, "pylock.toml", "__pycache__"}
    with running("cogsmith", "predict", *form, folder=project, environment=environment) as command:
        until((project / moment).exists)
        command.interrupt()
        code, out, err = command.end()
        assert code == 130
        quiet(err)
        assert out == ("begun" if moment == "predict" and not form else "")
        assert command.left() == []
    assert set(os.listdir(project)) <= before


@pytest.mark.network
def test_ctrl_c_in_an_async_prediction(project: Path, command_environment: dict[str, str]) -> None:
    (project / "predict.py").write_text(ASYNC_PREDICTOR)
    with running("cogsmith", "predict", folder=project, environment=command_environment) as command:
        until((project / "predict").exists)
        command.interrupt()
        code, out, err = command.end()
        assert (code, out) == (130, "begun")
        quiet(err)
        assert command.left() == []


@pytest.mark.network
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["TERM", "KILL"])
def test_a_model_does_not_outlive_its_command(
    number: signal.Signals, project: Path, command_environment: dict[str, str]
) -> None:
    environment = {**command_environment, "SLEEP_IN": "predict"}
    with running("cogsmith", "predict", folder=project, environment=environment) as command:
        until((project / "predict").exists)
        command.process.send_signal(number)
        assert command.end()[0] == -number
        assert command.left() == []


@pytest.mark.parametrize(
    "held", ["thing", "thing-1.0-py3-none-any.whl"], ids=["resolve", "install"]
)
def test_ctrl_c_while_packages_come(
    held: str, project: Path, tmp_path: Path, command_environment: dict[str, str]
) -> None:
    (project / "requirements.txt").write_text("thing==1.0\n")
    (project / "cog.yaml").write_text(
        CONFIG.replace("build:\n", "build:\n  python_requirements: requirements.txt\n")
    )
    cache = tmp_path / "cache"
    with slow_index(tmp_path / "wheels", held=held) as index:
        environment = {
            **command_environment, **index.environment,
            "COGSMITH_CACHE_DIR": str(cache), "UV_CACHE_DIR": str(tmp_path / "uv"),
        }  # fmt: skip
        with running("cogsmith", "predict", folder=project, environment=environment) as command:
            until(index.reached.is_set)
            command.interrupt()
            code, out, err = command.end()
            assert (code, out) == (130, "")
            quiet(err)
            assert command.left() == []
    made = [path.name for path in cache.rglob("*") if path.name in ("bin", "pyvenv.cfg")]
    assert made == []
    assert not [name for name in os.listdir(project) if name.startswith(".")]


@pytest.mark.network
@pytest.mark.parametrize("what", ["predict", "schema"])
def test_a_reader_that_leaves(
    what: str, project: Path, command_environment: dict[str, str]
) -> None:
    environment = {**command_environment, "SLEEP_IN": ""}
    with running("cogsmith", what, folder=project, environment=environment) as command:
        assert command.process.stdout
        assert command.process.stdout.readline()
        command.process.stdout.close()
        command.process.stdout = None
        code, _, err = command.end()
        assert "Traceback" not in err
        assert "error:" not in err
        assert command.left() == []
    assert code in ((141,) if what == "predict" else (0, 141))


@pytest.mark.network
def test_a_shell_sees_nothing_odd(project: Path, command_environment: dict[str, str]) -> None:
    ran = subprocess.run(
        ["bash", "-c", "cogsmith predict | head -1; echo ${PIPESTATUS[0]}"], cwd=project,
        env={**os.environ, **command_environment, "SLEEP_IN": ""}, capture_output=True,
        text=True, timeout=120, check=True,
    )  # fmt: skip
    assert ran.stdout == "begunmany words\n141\n"
    assert "Error" not in ran.stderr
