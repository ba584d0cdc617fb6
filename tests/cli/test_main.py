"""The outer wall: exit codes, words for what nobody foresaw, and a --help that costs nothing."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cogsmith import __version__
from cogsmith.cli import main as wall
from cogsmith.cli.console import Console
from cogsmith.cli.main import COMMANDS, main

HEAVY = {"pydantic", "rich", "yaml", "asyncio", "packaging", "multiprocessing", "urllib.request"}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "--version") == (0, f"cogsmith {__version__}\n", "")
    code, out, err = said(capsys, "--help")
    assert (code, err) == (0, "")
    assert all(name in out for name in COMMANDS)
    assert said(capsys, "-h")[1] == out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_whose_first_line_is_its_own(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(capsys, name, "--help")
    assert (code, err) == (0, "")
    assert "\\b" not in out
    assert out.startswith(f"Usage: cogsmith {name} ")


def test_no_command_is_a_question_for_help(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys)
    assert (code, out) == (2, "")
    assert err.startswith("Usage: cogsmith")
    assert "error:" not in err


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("shema",), "No such command 'shema'", 'did you mean "schema"? commands are: predict, '),
        (("xyz",), "No such command 'xyz'", "commands are: predict, "),
        (("predict", "--jsn"), "No such option '--jsn'", "did you mean --json? cogsmith predict "),
        (("--xyz",), "No such option '--xyz'", "cogsmith --help shows what there is"),
        (("predict", "--debug"), "No such option '--debug'", "it stands before the command: "),
        (("init", "a", "b"), "Got unexpected extra argument (b)", "cogsmith init --help shows"),
        (("predict", "--setup-timeout", "0"), "Invalid value for '--setup-timeout'", "cogsmith"),
    ],
)
def test_a_command_line_that_is_not_understood(
    words: tuple[str, ...], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(capsys, *words)
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first.startswith(f"error: {message}")
    assert second.startswith(f"hint:  {hint}")


def test_a_known_error(capsys: pytest.CaptureFixture[str], empty_folder: Path) -> None:
    code, out, err = said(capsys, "models")
    assert (code, out) == (1, "")
    assert err == (
        f"error: there is no cog.yaml in {empty_folder}\nhint:  cogsmith init makes a first model\n"
    )


def test_a_bug_of_ours_leaves_a_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COMMANDS, "absent", "A command whose module was forgotten.")
    code, out, err = said(capsys, "absent")
    assert (code, out) == (3, "")
    assert "Traceback" not in err
    assert "error: this is a bug of ours: ModuleNotFoundError: No module named" in err
    found = re.search(r"open an issue with the log in (\S+\.log)", err)
    assert found
    log = Path(found[1])
    text = log.read_text("utf-8")
    log.unlink()
    assert f"cogsmith {__version__}, Python {sys.version}" in text
    assert "Traceback" in text
    assert "importlib.import_module" in text


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "free some space there"),
        (OSError(errno.EROFS, "Read-only file system", "cog.yaml"), "check who may write there"),
        (PermissionError(errno.EACCES, "Permission denied", "cog.yaml"), "cog.yaml: Permission"),
    ],
)
def test_what_no_program_can_help(error: OSError, told: str) -> None:
    heard = io.StringIO()
    assert wall._of_the_machine(Console(heard), error) == 1
    assert told in heard.getvalue()


@pytest.mark.parametrize("error", [KeyError("x"), OSError("x"), FileNotFoundError(2, "no", "x")])
def test_what_we_should_have_foreseen_is_a_bug(error: Exception) -> None:
    assert wall._of_the_machine(Console(io.StringIO()), error) == 0


@pytest.mark.parametrize("words", [("models",), ("predict",), ("init",), ("schema",)])
def test_a_folder_that_is_gone(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], empty_folder: Path
) -> None:
    empty_folder.rmdir()
    code, _, err = said(capsys, *words)
    assert (code, err) == (1, "error: the folder that you are in is gone\nhint:  cd to another\n")
    empty_folder.mkdir()


def test_a_full_disk(command_environment: dict[str, str]) -> None:
    if not Path("/dev/full").is_char_device():
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            ["cogsmith", "schema", "--config"], stdout=full, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **command_environment}, check=False,
        )  # fmt: skip
    assert "Traceback" not in ran.stderr
    assert "No space left on device" in ran.stderr
    assert ran.returncode == 1


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_the_shell_has_closed(
    closed: str, empty_folder: Path, command_environment: dict[str, str]
) -> None:
    ran = subprocess.run(
        ["sh", "-c", f"cogsmith schema --config -o kept.json {closed}; cogsmith models {closed}"],
        env={**os.environ, **command_environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert "bug of ours" not in ran.stderr
    assert ("no cog.yaml" in ran.stderr) == ("2>" not in closed)
    assert json.loads((empty_folder / "kept.json").read_text("utf-8"))


def test_results_for_a_closed_stream_are_gone(command_environment: dict[str, str]) -> None:
    ran = subprocess.run(
        ["sh", "-c", "cogsmith schema --config >&-"], env={**os.environ, **command_environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_colors_can_be_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "\x1b[31m" in said(capsys, "models")[2]
    assert said(capsys, "--no-color", "models")[2].startswith("error: ")


@pytest.mark.parametrize("words", [["--help"], ["--version"], []])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    program = (
        "import json, sys, cogsmith.cli.main as wall\n"
        "try:\n    wall.main(json.loads(sys.argv[1]))\n"
        "finally:\n    sys.stderr.write('\\n' + json.dumps(sorted(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, json.dumps(words)], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    loaded = set(json.loads(ran.stderr.splitlines()[-1]))
    assert "click" in loaded
    assert loaded & HEAVY == set()
    ours = {name for name in loaded if name.startswith("cogsmith.")}
    assert ours == {
        "cogsmith.cli", "cogsmith.cli.main", "cogsmith.cli.console", "cogsmith.errors",
        "cogsmith.values",
    }  # fmt: skip


def test_both_names_are_one_program(command_environment: dict[str, str]) -> None:
    environment = {**os.environ, **command_environment}
    cog, ours = (
        subprocess.run(
            [name, "--help"], capture_output=True, text=True, env=environment, check=True
        )
        for name in ("cog", "cogsmith")
    )
    assert cog.stdout.startswith("Usage: cog [OPTIONS]")
    assert cog.stdout.replace("Usage: cog ", "Usage: cogsmith ") == ours.stdout


def test_errors_of_a_whole_file_stand_one_under_the_other(
    capsys: pytest.CaptureFixture[str], empty_folder: Path
) -> None:
    (empty_folder / "cog.yaml").write_text("predct: x\nbiuld: {}\n")
    code, _, err = said(capsys, "predict")
    assert code == 1
    assert [line.split(":")[0] for line in err.splitlines()] == ["error", "hint"] * 2
