"""What people see beside the result: notes, warnings, errors and progress, on standard error.

Colors and bars appear on a terminal only; elsewhere each line stands on its own. ``NO_COLOR``
and ``TERM=dumb`` are honored (no-color.org). With ``--progress json`` every line is a JSON object
(docs/reference/progress.md).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import TextIO

from cogsmith.errors import CogsmithError, Problem
from cogsmith.values import dataclass

RED, YELLOW, GREEN, DIM, BOLD, RESET = (
    "\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[2m", "\x1b[1m", "\x1b[0m",
)  # fmt: skip


@dataclass(frozen=True)
class Console:
    """Standard error, and whether a person is looking at it."""

    stream: TextIO
    color: bool = False
    terminal: bool = False
    quiet: bool = False
    json: bool = False

    @classmethod
    def of_terminal(cls, progress: str = "auto") -> Console:
        """The console of this process; ``progress`` is auto, tty, plain, quiet or json."""
        terminal = sys.stderr.isatty() if progress == "auto" else progress == "tty"
        dumb = os.environ.get("TERM") == "dumb"
        return cls(
            stream=sys.stderr,
            color=terminal and not dumb and not os.environ.get("NO_COLOR"),
            terminal=terminal and not dumb,
            quiet=progress == "quiet",
            json=progress == "json",
        )

    def line(self, text: str) -> None:
        """One line, as it is."""
        if self.json:
            self.event("line", text=text)
        else:
            self._write(text)

    def event(self, kind: str, **fields: object) -> None:
        """One line for programs: a JSON object with its kind in ``type``."""
        self._write(json.dumps({"type": kind, **fields}, ensure_ascii=False))

    def _write(self, text: str) -> None:
        self.stream.write(f"{text}\n")
        self.stream.flush()

    def lines(self, texts: Iterable[str]) -> None:
        """Several of them."""
        for text in texts:
            self.line(text)

    def note(self, text: str) -> None:
        """Something good to know; left out when quiet."""
        self._tell("note", text, DIM)

    def done(self, text: str) -> None:
        """Something that is now there."""
        self._tell("done", text, GREEN)

    def _tell(self, kind: str, text: str, color: str) -> None:
        if self.json:
            self.event(kind, text=text)
        elif not self.quiet:
            self.line(self.paint(text, color))

    def warning(self, problem: Problem) -> None:
        """Something that works and should not stay as it is."""
        if self.json:
            self.event("warning", **asdict(problem))
            return
        self.line(f"{self.paint('warning:', YELLOW)} {problem}")
        if problem.hint:
            self.line(f"{self.paint('hint:', BOLD)}    {_indented(problem.hint, 9)}")

    def error(self, error: CogsmithError) -> None:
        """Everything that is wrong, each with what to do; advice for several is given once."""
        if self.json:
            for problem in error.problems:
                self.event("error", code=error.code, **asdict(problem))
            return
        following = [problem.hint for problem in error.problems[1:]] + [""]
        for problem, next_hint in zip(error.problems, following, strict=True):
            self.line(f"{self.paint('error:', RED)} {_indented(str(problem), 7)}")
            if problem.hint and problem.hint != next_hint:
                self.line(f"{self.paint('hint:', BOLD)}  {_indented(problem.hint, 7)}")

    def paint(self, text: str, color: str) -> str:
        """The text in a color, or plain where there are none."""
        return f"{color}{text}{RESET}" if self.color else text


def _indented(text: str, width: int) -> str:
    """Further lines stand under the first one's words."""
    return text.replace("\n", "\n" + " " * width)
