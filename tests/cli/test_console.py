"""Standard error: colors for people on terminals alone, and each line whole elsewhere."""

from __future__ import annotations

import contextlib
import io

import pytest

from cogsmith.cli.console import Console
from cogsmith.errors import ConfigError, Problem


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


def console(stream: io.StringIO, progress: str = "auto") -> Console:
    with contextlib.redirect_stderr(stream):
        return Console.of_terminal(progress)


@pytest.fixture(autouse=True)
def a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR")


def test_colors_are_for_terminals() -> None:
    assert console(Terminal()).color
    assert not console(io.StringIO()).color


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colors_can_be_turned_off(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert not console(Terminal()).color


def test_an_empty_no_color_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert console(Terminal()).color


def test_a_dumb_terminal_gets_no_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    assert console(Terminal()).terminal
    monkeypatch.setenv("TERM", "dumb")
    assert not console(Terminal()).terminal


def test_progress_says_otherwise() -> None:
    assert console(io.StringIO(), "tty").terminal
    assert not console(Terminal(), "plain").terminal
    assert console(Terminal(), "quiet").quiet


def test_quiet_leaves_out_notes_but_no_warnings_and_errors() -> None:
    stream = io.StringIO()
    quiet = Console(stream, quiet=True)
    quiet.note("starting")
    quiet.done("made")
    quiet.warning(Problem("old", "cog.yaml:1", "write new"))
    quiet.error(ConfigError("wrong", where="cog.yaml:2", hint="right"))
    assert stream.getvalue() == (
        "warning: cog.yaml:1: old\nhint:    write new\nerror: cog.yaml:2: wrong\nhint:  right\n"
    )


def test_further_lines_stand_under_the_words() -> None:
    stream = io.StringIO()
    Console(stream).error(ConfigError("one\ntwo", hint="three\nfour"))
    assert stream.getvalue() == "error: one\n       two\nhint:  three\n       four\n"


def test_the_same_advice_is_given_once() -> None:
    stream = io.StringIO()
    problems = [Problem("a", hint="do x"), Problem("b", hint="do x"), Problem("c", hint="do y")]
    Console(stream).error(ConfigError(problems))
    assert stream.getvalue() == "error: a\nerror: b\nhint:  do x\nerror: c\nhint:  do y\n"


def test_colors_end_where_the_word_ends() -> None:
    stream = io.StringIO()
    Console(stream, color=True).error(ConfigError("wrong"))
    assert stream.getvalue() == "\x1b[31merror:\x1b[0m wrong\n"
