"""``cogsmith test`` on a server: what is printed, written, and answered as an exit code."""

from __future__ import annotations

import json
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cogsmith.cli.main import main
from tests.conftest import ROOT
from tests.serving.server import Server, serving

CASES = """
- name: says hello
  input: {prompt: Hi}
  expect: Hello, world.
- name: says it in German
  input: {prompt: Hi}
  expect: {regex: Hallo}
- name: later
  skip: true
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving("language_model") as found:
        yield found


@pytest.fixture
def run(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:  # fmt: skip
    """The command with these cases, on that server; exit code, standard output and error."""
    (tmp_path / "cases.yaml").write_text(CASES)
    monkeypatch.chdir(tmp_path)

    def go(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["test", server.url, "--cases", "cases.yaml", *words])
        assert isinstance(ended.value.code, int)
        return (ended.value.code, *capsys.readouterr())

    return go


def test_verdicts_are_lines_and_differences_stand_below(run: Run, server: Server) -> None:
    code, out, err = run()
    assert code == 1
    lines = out.splitlines()
    assert re.match(r"pass  says hello         [\d.]+ s  .*[\d.]+ tokens/s$", lines[0])
    assert lines[1].startswith("FAIL  says it in German  ")
    assert lines[2:5] == [
        "      cases.yaml:5", "      the output does not match /Hallo/",
        '        + "Hello, world."',
    ]  # fmt: skip
    assert lines[-2:] == ["skip  later", f"1 passed, 1 failed, 1 skipped on {server.url}"]
    assert err == ""


def test_all_that_pass_are_exit_code_0(run: Run) -> None:
    assert run("--case", "says h*")[0] == 0


def test_json_on_standard_output_is_alone_there(run: Run) -> None:
    code, out, err = run("--json", "-")
    assert code == 1
    assert [case["outcome"] for case in json.loads(out)["cases"]] == ["passed", "failed", "skipped"]
    assert "FAIL  says it in German" in err


def test_reports_are_files(run: Run, tmp_path: Path) -> None:
    run("--junit", "report.xml", "--json", "report.json")
    root = ET.parse(tmp_path / "report.xml").getroot()
    assert root.get("failures") == "1"
    assert json.loads((tmp_path / "report.json").read_text())["failed"] == 1


def test_progress_for_programs(run: Run) -> None:
    _, _, err = run("--progress", "json")
    events = [json.loads(line) for line in err.splitlines()]
    assert [(event["type"], event["name"]) for event in events] == [
        ("case", "says hello"), ("case", "says it in German"), ("case", "later"),
    ]  # fmt: skip


def test_fuzzing_takes_what_the_server_says_it_takes(run: Run) -> None:
    code, out, _ = run("--case", "none", "--fuzz", "8")
    assert code == 1
    assert "predict() failed: E1001" in out
    assert "cogsmith predict\n" in out
    code, out, _ = run("--case", "none", "--fuzz", "8", "--allow-error", "E100[01]", "--seed", "3")
    assert (code, "(8 inputs, seed 3)" in out) == (0, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--case", "nobody"], "no case matches nobody"),
        (["--tag", "nobody"], "no case matches the tags"),
        (["--target", "http://127.0.0.1:1"], "one of them is enough"),
        (["--junit", "no/such/folder.xml"], "there is no folder"),
        (["-j", "0"], "Invalid value"),
        (["--fuzz", "1", "--allow-error", "("], "'(' is not a regular expression"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(run: Run, words: list[str], message: str) -> None:
    code, _, err = run(*words)
    assert code == 2
    assert message in err


@pytest.mark.network
@pytest.mark.engine
def test_the_small_checkpoint_is_tested_as_any_model(
    tmp_path: Path, command_environment: dict[str, str]
) -> None:
    cases = tmp_path / "cases.yaml"
    cases.write_text(
        "- name: tells a story\n"
        "  input: {prompt: Once upon a time, max_tokens: 24, seed: 0}\n"
        "  expect: {regex: '[a-z]{3}', chunks: {min: 8}}\n"
        "  budget: {tokens_per_second: 0.01, memory: 32GB, first_token: 10min}\n"
        "- name: refuses\n"
        "  input: {prompt: Hi, max_tokens: -1}\n"
        "  expect: {error: at minimum}\n"
    )
    ran = subprocess.run(
        ["cogsmith", "test", "--cases", str(cases), "--json", "-"], cwd=ROOT,
        env=command_environment, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    story = json.loads(ran.stdout)["cases"][0]
    assert story["tokens_per_second"] > 0
    assert story["memory"] > 50_000_000
