"""Cog's newer names: what is said of the older ones, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.config import parse
from cogsmith.doctor import Severity, Surroundings, Topic, examine, treat
from tests.doctor.projects import NEWER, PREDICTOR, RUNNER, STARTER, mended, project

NOTHING = Surroundings(python="3.12.1")


def said(config: str, **files: str) -> list[tuple[Severity, str, bool]]:
    found = examine(project(config, **files), NOTHING)
    return [(f.severity, f.where, f.fixable) for f in found if f.topic is Topic.NAMES]


def test_older_names_are_a_note() -> None:
    both = [(Severity.NOTE, "cog.yaml", True), (Severity.NOTE, "predict.py", True)]
    assert said(STARTER, predict=PREDICTOR) == both
    assert said(NEWER, run=RUNNER) == []


def test_the_starter_becomes_cogs_newer_one() -> None:
    assert mended(project(STARTER, predict=PREDICTOR)) == {"run.py": RUNNER, "cog.yaml": NEWER}


def test_all_else_stays_as_it_is() -> None:
    config = "# the model\r\npredict: 'predict.py:Predictor'  # its class\r\nimage: x\r\n"
    text = (
        "import cog  # Predictor\r\n\r\n\r\n@mark\r\nclass  Predictor ( cog.BasePredictor ):\r\n"
        "    '''BasePredictor.predict'''\r\n\tX = 'é'; Y = \"Predictor\"\r\n"
    ).replace("\t", "    ") + (
        "    async  def predict(self, predict: str) -> str:  # predict\r\n"
        "        return predict + str(other.predict(self.predict))\r\n\r\n"
        "it = Predictor()\r\nprint(it.predict, Predictor().predict)\r\n"
    )
    made = mended(project(config, predict=text))
    assert made["cog.yaml"] == '# the model\r\nrun: "run.py:Runner"  # its class\r\nimage: x\r\n'
    assert made["run.py"] == (
        "import cog  # Predictor\r\n\r\n\r\n@mark\r\nclass  Runner ( cog.BaseRunner ):\r\n"
        "    '''BasePredictor.predict'''\r\n    X = 'é'; Y = \"Predictor\"\r\n"
        "    async  def run(self, predict: str) -> str:  # predict\r\n"
        "        return predict + str(other.predict(self.run))\r\n\r\n"
        "it = Runner()\r\nprint(it.run, Runner().run)\r\n"
    )


def test_the_trainer_moves_along() -> None:
    made = mended(project(f'{STARTER}train: "predict.py:train"\n', predict=PREDICTOR))
    assert made["cog.yaml"] == f'{NEWER}train: "run.py:train"\n'


def test_imports_from_one_list_keep_their_order_and_comments() -> None:
    text = PREDICTOR.replace(
        "import BasePredictor",
        "import (\n    Path,  # p\n    BasePredictor as Base,\n    Input,\n)",
    ).replace("(BasePredictor)", "(Base)")
    made = mended(project(STARTER, predict=text))["run.py"]
    assert "import (\n    Path,  # p\n    BaseRunner as Base,\n    Input,\n)" in made
    assert "class Runner(Base):" in made


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"predict": PREDICTOR, "run": ""}, "run.py already exists"),
        ({"predict": PREDICTOR, "app": "from predict import Predictor"}, "app.py imports predict"),
        ({"predict": PREDICTOR + "\nclass Predictor:\n    pass\n"}, "one class Predictor"),
        ({"predict": PREDICTOR + "    def run(self): ...\n"}, "predict() alone"),
        ({"predict": PREDICTOR + "Runner = 1\n"}, "uses the name Runner"),
        ({"predict": "class Predictor(:"}, "cannot be read"),
    ],
)
def test_what_cannot_be_changed_is_an_obstacle(files: dict[str, str], reason: str) -> None:
    treatment = treat(project(STARTER, **files))
    assert treatment.changes == ()
    [obstacle] = treatment.obstacles
    assert (obstacle.severity, obstacle.topic) == (Severity.ERROR, Topic.NAMES)
    assert reason in obstacle.message


def test_another_model_that_uses_the_file_is_an_obstacle() -> None:
    shared = replace(
        project(STARTER, predict=PREDICTOR), configs={"cog.big.yaml": b"predict: predict.py:Big"}
    )
    assert "cog.big.yaml names predict.py, too" in treat(shared).obstacles[0].message


def test_an_old_cog_has_no_base_for_it() -> None:
    old = STARTER.replace("build:", 'build:\n  sdk_version: "0.19.3"')
    assert (
        "cog 0.19.3 has no BaseRunner"
        in treat(project(old, predict=PREDICTOR)).obstacles[0].message
    )


def test_other_references_are_left_alone_without_a_word() -> None:
    other = STARTER.replace("predict.py:Predictor", "models/llama.py:Predictor")
    treatment = treat(project(other, predict=PREDICTOR))
    assert (treatment.changes, treatment.obstacles) == ((), ())
    assert said(other) == [(Severity.NOTE, "cog.yaml", False)]


LINES = st.sampled_from(
    ["", "# Predictor", "import os", "x = 'predict'", "def predict(): ...", "y = other.predict"]
)


@given(
    before=st.lists(LINES, max_size=4),
    after=st.lists(LINES, max_size=4),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_the_lines_around_the_class_stay_and_a_second_repair_finds_nothing(
    before: list[str], after: list[str], end: str
) -> None:
    around = ["".join(f"{line}\n" for line in lines) for lines in (before, after)]
    whole = project(STARTER, predict=(around[0] + PREDICTOR + around[1]).replace("\n", end))
    made = mended(whole)
    assert made["run.py"] == (around[0] + RUNNER + around[1]).replace("\n", end)
    again = project(made["cog.yaml"], run=made["run.py"])
    assert treat(again).changes == ()
    assert parse(made["cog.yaml"], where="cog.yaml").predictor == "run.py:Runner"
