"""Output classes made from pydantic's BaseModel."""

from __future__ import annotations

import pytest

from cogsmith.doctor import Severity, Surroundings, Topic, examine, treat
from tests.doctor.projects import NEWER, mended, project

NOTHING = Surroundings(python="3.12.1")
OLD = """\
from cog import BaseRunner, Path
from pydantic import BaseModel, ConfigDict


class Voices(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    audio: Path


class Runner(BaseRunner):
    def run(self, text: str) -> Voices:
        return Voices(audio="a.wav")
"""
NEW = """\
from cog import BaseRunner, Path, BaseModel


class Voices(BaseModel):
    audio: Path


class Runner(BaseRunner):
    def run(self, text: str) -> Voices:
        return Voices(audio="a.wav")
"""


def said(text: str) -> list[tuple[Severity, str, bool]]:
    found = examine(project(NEWER, run=text), NOTHING)
    return [(f.severity, f.message, f.fixable) for f in found if f.topic is Topic.OUTPUTS]


def test_the_import_is_folded_into_cogs() -> None:
    [(severity, message, fixable)] = said(OLD)
    assert (severity, fixable) == (Severity.ERROR, True)
    assert "pydantic.BaseModel" in message
    assert "cog.BaseModel" in message
    assert mended(project(NEWER, run=OLD))["run.py"] == NEW
    assert said(NEW) == []


def test_a_class_inside_of_an_output_counts_too() -> None:
    text = OLD.replace("-> Voices:", '-> "list[Voices]":')
    assert len(said(text)) == 1
    outer = OLD.replace("class Runner", "class All(BaseModel):\n    one: Voices\n\n\nclass Runner")
    assert len(said(outer.replace("-> Voices", "-> All"))) == 2


def test_without_an_import_from_cog_it_gets_one() -> None:
    text = OLD.replace("from cog import BaseRunner, Path", "import cog")
    text = text.replace("(BaseRunner)", "(cog.BaseRunner)").replace(": Path", ": cog.Path")
    assert mended(project(NEWER, run=text))["run.py"].startswith(
        "import cog\nfrom cog import BaseModel\n"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("BaseModel, ConfigDict", "BaseModel, ConfigDict, Field"),
        ("audio: Path", "audio: Path\n\n    def text(self):\n        return self.model_dump()"),
        ("arbitrary_types_allowed=True", "frozen=True"),
        ("class Runner", "class Inner(BaseModel):\n    x: int\n\n\nclass Runner"),
        ("import BaseModel, ConfigDict", "import BaseModel as Base, ConfigDict"),
    ],
)
def test_what_more_than_an_import_would_change_is_left_to_its_author(old: str, new: str) -> None:
    text = OLD.replace(old, new)
    if " as Base" in new:
        text = text.replace("(BaseModel)", "(Base)")
    assert [fixable for _, _, fixable in said(text)] == [False]
    assert treat(project(NEWER, run=text)).changes == ()


def test_models_that_are_no_outputs_are_nobodys_business() -> None:
    assert said(OLD.replace("-> Voices", "-> str")) == []
