"""Values against a signature: every fault, in Cog's words."""

from __future__ import annotations

import pytest

from cogsmith.signature import FileInput, check

from .sources import signature

ARGUMENTS = """
    count: int,
    size: str = Input(choices=["small", "medium", "large"], default="small"),
    level: int = Input(choices=[1, 2], default=1),
    limited: float = Input(default=1, ge=0, le=10),
    word: str = Input(default="abc", min_length=2, max_length=4, regex="[a-z]+$"),
    tags: list[str] = [],
    scores: list[int] = Input(default=[], ge=1),
    image: Optional[Path] = None,
    table: dict = {},
    either: str | list[int] = "x",
    flag: bool = False,
    token: Secret = Input(default=None),
"""


def faults(**values: object) -> list[str]:
    given = {"count": 1, **values}
    return [problem.message for problem in check(signature(ARGUMENTS), given)]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": "1"}, 'invalid input "count": expected integer, got string'),
        ({"count": 1.5}, 'invalid input "count": expected integer, got number'),
        ({"count": True}, 'invalid input "count": expected integer, got boolean'),
        ({"count": None}, 'invalid input "count": must not be null'),
        ({"count": [1]}, 'invalid input "count": expected integer, got array'),
        ({"size": "huge"}, 'invalid input "size": must be one of: small, medium, large'),
        ({"size": 1}, 'invalid input "size": expected string, got number'),
        ({"level": 3}, 'invalid input "level": must be one of: 1, 2'),
        ({"limited": -0.5}, 'invalid input "limited": must be at minimum 0, got -0.5'),
        ({"limited": 11}, 'invalid input "limited": must be at maximum 10, got 11'),
        ({"limited": float("nan")}, 'invalid input "limited": expected number, got nan'),
        ({"word": "a"}, 'invalid input "word": must have at least 2 characters, got 1'),
        ({"word": "abcde"}, 'invalid input "word": must have at most 4 characters, got 5'),
        ({"word": "ABC"}, 'invalid input "word": must match the regular expression [a-z]+$'),
        ({"tags": "a"}, 'invalid input "tags": expected array, got string'),
        ({"tags": ["a", 1]}, 'invalid input "tags.1": expected string, got number'),
        ({"tags": [None]}, 'invalid input "tags.0": expected string, got null'),
        ({"scores": [1, 0]}, 'invalid input "scores.1": must be at minimum 1, got 0'),
        ({"image": 1}, 'invalid input "image": expected string, got number'),
        ({"image": None}, 'invalid input "image": must not be null'),
        ({"table": []}, 'invalid input "table": expected object, got array'),
        ({"table": FileInput("x")}, 'invalid input "table": expected object, got file'),
        ({"either": {}}, 'invalid input "either": expected string or array, got object'),
        ({"either": ["a"]}, 'invalid input "either": expected string or array, got array'),
        ({"flag": 1}, 'invalid input "flag": expected boolean, got number'),
        ({"token": 1}, 'invalid input "token": expected string, got number'),
        ({"other": 1}, 'unknown input "other"'),
    ],
)
def test_faults(values: dict[str, object], message: str) -> None:
    assert faults(**values) == [message]


@pytest.mark.parametrize(
    "values",
    [
        {"count": 2.0},
        {"count": 10**400, "limited": 10},
        {"size": "large", "word": "abcd", "tags": ["a"], "image": "https://x/y", "flag": True},
        {"either": [1, 2], "table": {"deep": [None]}, "token": "s"},
        {"image": FileInput("x"), "word": "ab"},
    ],
)
def test_values_that_fit(values: dict[str, object]) -> None:
    assert faults(**values) == []


def test_everything_at_once_with_advice() -> None:
    found = check(signature(ARGUMENTS), {"cuont": 1, "size": "smal", "image": None})
    assert [(one.message, one.hint.split("?")[0]) for one in found] == [
        ('unknown input "cuont"', 'did you mean "count"'),
        ('missing required input "count"', "it is an integer"),
        ('invalid input "size": must be one of: small, medium, large', 'did you mean "small"'),
        ('invalid input "image": must not be null', "leave it out to use its default"),
    ]


def test_a_required_input_has_no_default_to_fall_back_on() -> None:
    (found,) = check(signature(ARGUMENTS), {"count": None})
    assert found.hint == "give it a value"


def test_a_model_without_inputs_says_so() -> None:
    (found,) = check(signature(), {"a": 1})
    assert found.hint == "this model takes no inputs"
