"""docs/reference/errors.md, from the cases and from what they are told."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tests.docs.cases import Said
from tests.stories.story import Story

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"
GROUPS = {
    "1-config": "cog.yaml",
    "2-predictor": "The predictor's source",
    "3-input": "Inputs",
    "4-command": "The command line",
    "5-environment": "Requirements, lock and environment",
    "6-model": "The model while it runs",
}
HEAD = """\
# Messages for bad input

Made by `scripts/docs` from `tests/docs/broken/`: each row is a project and a command that
a test runs, and what it is told. Every message says where, what, and what to do; all
problems of a file, or of all inputs, are told at once. Nothing is installed and nothing is
started before config, source and inputs are right.

Exit codes: 0 fine, 1 a known error, 2 a command line that cannot be understood, 3 a bug of
ours (with a log to attach to an issue), 130 interrupted. Messages go to standard error.
`/project` stands for the folder of the project.
"""
TABLE = "| what is wrong | what you are told | exit |\n|---|---|---|\n"


def render(said: Iterable[tuple[Story, Said]]) -> str:
    """The whole page."""
    rows: dict[str, list[str]] = {}
    for case, answer in said:
        rows.setdefault(group(case), []).append(row(case, answer))
    sections = (f"\n## {GROUPS[name]}\n\n{TABLE}{''.join(lines)}" for name, lines in rows.items())
    return HEAD + "".join(sections)


def group(case: Story) -> str:
    """The section that a case belongs to: how its file's name begins."""
    return "-".join(case.path.stem.split("-")[:2])


def about(case: Story) -> str:
    """What the case says about itself, without what it needs."""
    return " ".join(re.sub(r"Needs: [\w, ]+", "", case.about).split())


def row(case: Story, said: Said) -> str:
    """One line of a table."""
    told = "<br>".join(_code(line) for line in said.lines)
    return f"{row_head(case)} | {told} | {said.exit_code} |\n"


def row_head(case: Story) -> str:
    """How the case's row begins."""
    return f"| {_cell(about(case))}"


def rows(page: str) -> list[str]:
    """The rows of all tables of a page."""
    lines = page.splitlines(keepends=True)
    return [line for line in lines if line.startswith("| ") and line not in TABLE]


def _code(line: str) -> str:
    """A line as code; a renderer would swallow blanks at its start."""
    words = line.strip()
    if not words:
        return ""
    fence = "``" if "`" in words else "`"
    blank = " " if fence == "``" else ""
    return _cell(f"{fence}{blank}{words}{blank}{fence}")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
