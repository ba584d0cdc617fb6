"""Cases on workers of this machine: set up once, up again after a crash, files, budgets, fuzz."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from cogsmith.cases import Fuzzing, Manner, Outcome
from cogsmith.cases.run.memory import peak
from cogsmith.errors import SetupFailed
from cogsmith.signature import FileInput
from tests.cases.making import case, said
from tests.cases.playing import fuzzed, here, signature_of

PASSED, FAILED, SKIPPED = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED


def test_a_language_model_without_weights_is_measured() -> None:
    budget = {"first_token": 30, "total": 30, "tokens_per_second": 0.001, "memory": "8GB"}
    expect = {"exact": "Hello, world.", "chunks": {"min": 2}}
    found = here("language_model", [case(expect, input={"prompt": "Hi"}, budget=budget, repeat=2)])
    verdict = found["a"]
    assert (verdict.outcome, verdict.runs, verdict.note) == (PASSED, 2, "")
    measures = verdict.measures
    assert 0 < measures.first_token <= measures.total
    assert measures.tokens_per_second > 0
    assert measures.memory > 1_000_000 or sys.platform != "linux"


def test_one_process_answers_all_cases() -> None:
    found = here("pid", [case(-1, name=str(number)) for number in range(3)])
    processes = {verdict.differences[0].detail[1] for verdict in found.values()}
    assert len(processes) == 1


def test_a_process_that_died_is_told_and_another_one_goes_on() -> None:
    cases = [
        case({"error": True}, name="one", input={"how": "SEGV"}),
        case({"error": True}, name="two", input={"how": "KILL", "after": 1}),
    ]
    found = here("crash", cases)
    assert [verdict.outcome for verdict in found.values()] == [FAILED, FAILED]
    assert "SIGSEGV" in said(found["one"])[0]
    assert "SIGKILL" in said(found["two"])[0]
    assert "last words" in found["two"].logs


def test_inputs_that_do_not_fit_are_refused_as_on_the_command_line() -> None:
    wrong = case({"error": 'unknown input "zzz"'}, input={"zzz": 1})
    assert here("echo", [wrong])["a"].outcome is PASSED


def test_files_go_in_and_come_out(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("hello")
    digest = hashlib.sha256(b"HELLO").hexdigest()
    given = {"files": [FileInput(str(words))]}
    judge = [sys.executable, "-c", JUDGE]
    good = case({"sha256": digest, "judge": judge}, name="good", input=given)
    bad = case({"judge": [*judge, "no"]}, name="bad", input=given)
    none = case({"judge": "/there/is/no/judge"}, name="none", input=given)
    kept = case({"chunks": 1}, name="kept", input={**given, "back": True})
    found = here("files", [good, bad, none, kept])
    assert said(found["good"]) == []
    assert said(found["bad"]) == ["the judge says no: HELLO is not what I want"]
    assert said(found["none"]) == [
        "the judge says no: /there/is/no/judge cannot be started: No such file or directory"
    ]
    assert found["kept"].outcome is PASSED
    assert words.read_text() == "hello"  # an input that comes back is nobody's to remove


JUDGE = """
import json, pathlib, sys
told = json.load(sys.stdin)
text = pathlib.Path(told["output"][0]).read_text()
assert told["input"]["files"][0].endswith("words.txt")
print(text, "is not what I want")
sys.exit(len(sys.argv) > 1)
"""


def test_a_case_that_takes_too_long_is_given_up_and_others_go_on() -> None:
    slow = case(name="slow", input={"seconds": 60}, timeout="300ms")
    quick = case(name="quick", input={"seconds": 0})
    for name in ("sleep", "async_sleep"):
        found = here(name, [slow, quick])
        assert said(found["slow"]) == ["the prediction failed: gave up after 0.3 s"]
        assert found["quick"].outcome is PASSED


@pytest.mark.parametrize("name", ["sleep", "async_sleep"])
def test_several_run_at_once_and_are_told_in_their_order(name: str) -> None:
    cases = [case(name=str(n), input={"seconds": 0.3 - n / 10}) for n in range(3)]
    found = here(name, cases, Manner(at_once=3))
    assert list(found) == ["0", "1", "2"]
    assert {verdict.outcome for verdict in found.values()} == {PASSED}


def test_nothing_begins_after_a_failure_if_so_wished() -> None:
    cases = [case("x", name="wrong"), case(name="next"), case(name="skipped", skip="later")]
    found = here("echo", cases, Manner(stop=True))
    assert [v.outcome for v in found.values()] == [FAILED, SKIPPED, SKIPPED]
    assert [v.note for v in found.values()][1:] == ["not run: another case had failed", "later"]


def test_a_setup_that_fails_ends_it_all() -> None:
    with pytest.raises(SetupFailed):
        here("never_set_up", [case()])


def test_fuzzing_finds_what_crashes_and_shows_the_smallest_input() -> None:
    (verdict,) = fuzzed("crash", Fuzzing(count=3))
    assert verdict.outcome is FAILED
    assert "SIGSEGV" in said(verdict)[0]
    assert verdict.differences[0].detail == ("cogsmith predict",)


def test_fuzzing_that_finds_nothing_is_one_pass() -> None:
    (verdict,) = fuzzed("async_echo", Fuzzing(count=25, seed=7))
    assert (verdict.outcome, verdict.note) == (PASSED, "25 inputs, seed 7")


def test_errors_that_are_meant_are_no_faults() -> None:
    silent, nobody = fuzzed("language_model", Fuzzing(count=25))
    assert said(silent) == ["predict() failed: E1001: prompt: prompt required"]
    assert nobody.outcome is FAILED
    (verdict,) = fuzzed("language_model", Fuzzing(count=25, allowed=("^E1001", "role")))
    assert verdict.outcome is PASSED


def test_memory_is_that_of_a_whole_session(tmp_path: Path) -> None:
    def process(pid: int, session: int, peak: int) -> None:
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "stat").write_text(f"{pid} (a (b) c) S 1 {pid} {session} 0 -1")
        (folder / "status").write_text(f"Name:\ta\nVmHWM:\t   {peak} kB\nVmRSS:\t 1 kB\n")

    process(10, 10, 5)
    process(11, 10, 7)
    process(12, 12, 100)
    (tmp_path / "13").mkdir()
    (tmp_path / "self").mkdir()
    assert peak(10, tmp_path) == 12 * 1024
    assert peak(99, tmp_path) is None


def test_what_is_shipped_says_what_it_takes() -> None:
    assert signature_of("language_model").streaming
