"""Names followed through the files of a project."""

from __future__ import annotations

import pytest

from .sources import problems, project

PREDICTOR = """
from cog import BasePredictor, Input
{imports}
class Predictor(BasePredictor):
    def predict(self, x: int = {value}) -> str: ...
"""


@pytest.mark.parametrize(
    ("imports", "value"),
    [
        ("from limits import STEPS", "STEPS"),
        ("from .limits import STEPS", "STEPS"),
        ("from ..limits import STEPS", "STEPS"),
        ("from . import limits", "limits.STEPS"),
        ("import limits", "limits.STEPS"),
        ("import limits as bounds", "bounds.STEPS"),
        ("from limits import *", "STEPS"),
        ("from package import STEPS", "STEPS"),
        ("from package import STEPS as N", "N"),
        ("import package.deep.numbers", "package.deep.numbers.STEPS"),
        ("from package.deep import numbers", "numbers.STEPS"),
        ("from package.deep.numbers import *", "STEPS"),
        ("from spaceless import inner", "inner.STEPS"),
        ("try:\n    from limits import STEPS\nexcept ImportError:\n    STEPS = 0", "STEPS"),
        ("from limits import Box", "Box.STEPS"),
    ],
)
def test_imports(imports: str, value: str) -> None:
    found = project(
        PREDICTOR.format(imports=imports, value=value),
        **{
            "limits": "STEPS = 4\n_hidden = 1\nclass Box:\n    STEPS = 4",
            "package/__init__": "from .deep import STEPS",
            "package/deep/__init__": "from .numbers import STEPS",
            "package/deep/numbers": "STEPS = 2 + 2",
            "spaceless/inner": "STEPS = 4",
        },
    )
    assert found.inputs[0].default == 4


def test_circles_end() -> None:
    (found,) = problems(
        PREDICTOR.format(imports="from one import X", value="X"),
        one="from two import X",
        two="from one import X",
    )
    assert "comes from outside the project" in found.message


def test_a_class_that_inherits_from_itself_ends() -> None:
    (found,) = problems("class Predictor(Predictor): ...")
    assert found.message == '"Predictor" must define run() or predict()'


def test_problems_name_the_file_they_are_in() -> None:
    (found,) = problems(
        PREDICTOR.format(imports="from limits import STEPS", value="STEPS"),
        limits="\nSTEPS = compute()",
    )
    assert found.where == "limits.py:2"


def test_a_module_that_is_not_python_is_named() -> None:
    (found,) = problems(
        PREDICTOR.format(imports="from limits import STEPS", value="STEPS"), limits="def ("
    )
    assert found.where == "limits.py:1"


def test_private_names_do_not_come_with_a_star() -> None:
    (found,) = problems(
        PREDICTOR.format(imports="from limits import *", value="_hidden"), limits="_hidden = 4"
    )
    assert '"_hidden" is not defined' in found.message


def test_predict_inherited_from_another_file() -> None:
    found = project(
        "from shared import Shared\nclass Predictor(Shared): ...",
        shared="""
        from cog import BasePredictor
        Text = str
        class Shared(BasePredictor):
            N = 3
            def setup(self, weights): ...
            def predict(self, a: Text, n: int = N) -> Text: ...
        """,
    )
    assert [field.name for field in found.inputs] == ["a", "n"]
    assert found.setup.takes_weights


def test_mixins_behind_the_framework_class_do_not_count() -> None:
    (found,) = problems(
        "from cog import BasePredictor\n"
        "class Mixin:\n    def predict(self) -> str: ...\n"
        "class Predictor(BasePredictor, Mixin): ..."
    )
    assert found.message == '"Predictor" must define run() or predict()'


def test_the_predictor_itself_may_be_imported() -> None:
    found = project(
        "from models.llama import Llama as Predictor",
        **{"models/llama": "class Llama:\n    def predict(self, a: str) -> str: ..."},
    )
    assert found.class_name == "Llama"
