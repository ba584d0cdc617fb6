"""Every story file beside this module is a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stories.story import parse, play

STORIES = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in STORIES])
def test_story(path: Path, tmp_path: Path, command_environment: dict[str, str], needs) -> None:
    story = parse(path)
    needs(story.needs)
    play(story, tmp_path, command_environment)
