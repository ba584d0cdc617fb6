"""docs/reference/errors.md says what a person is really told."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs import errors_page
from tests.docs.cases import HEALTHY, cases, lay_out, run_as_command, run_in_process
from tests.stories.story import Story

CASES = cases()
ANEW = "docs/reference/errors.md is not what is said now; write it anew with: scripts/docs"


def page() -> str:
    return errors_page.PAGE.read_text("utf-8") if errors_page.PAGE.exists() else ""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path.stem)
def test_a_broken_thing_gets_the_message_of_the_page(
    case: Story,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command_environment: dict[str, str],
    needs: Callable[[set[str]], None],
) -> None:
    needs(case.needs)
    lay_out(case, tmp_path)
    if case.needs:
        said = run_as_command(case, tmp_path, command_environment)
    else:
        monkeypatch.setenv("COGSMITH_CACHE_DIR", str(tmp_path / ".cache"))
        monkeypatch.chdir(tmp_path)
        said = run_in_process(case, capsys)
    told = "\n".join(said.lines)
    assert said.exit_code in (1, 2)
    assert "Traceback" not in told
    assert "bug of ours" not in told
    row = errors_page.row(case, said)
    assert row in errors_page.rows(page()), f"{ANEW}\n\n{row}"


def test_the_page_has_these_rows_and_no_others() -> None:
    told = [row.split(" | ")[0] for row in errors_page.rows(page())]
    about = [errors_page.row_head(case) for case in CASES]
    assert told == about, ANEW
    assert page().startswith(errors_page.HEAD), ANEW
    assert len(CASES) >= 20


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path.stem)
def test_what_the_page_quotes_is_in_the_case(case: Story) -> None:
    texts = [*{**HEALTHY, **case.files}.values(), " ".join(case.steps[0].words)]
    texts.append(shlex.join(case.steps[0].words))
    for quoted in re.findall(r"`([^`]+)`", case.about):
        assert any(quoted in text for text in texts), quoted
    assert len(case.steps) == 1
    assert errors_page.group(case) in errors_page.GROUPS
