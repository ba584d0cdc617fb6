from __future__ import annotations

import pytest

from cogsmith.engine.limits import TokenLimits, parse_stops, token_limits
from cogsmith.errors import EngineError


@pytest.mark.parametrize(
    ("given", "limits"),
    [
        ({}, (512, 0)),
        ({"max_tokens": 7}, (7, 0)),
        ({"max_new_tokens": 7, "min_new_tokens": -1}, (7, 0)),
        ({"max_tokens": 7, "max_new_tokens": 7, "min_tokens": 3}, (7, 3)),
        ({"min_tokens": 0, "min_new_tokens": 0}, (512, 0)),
    ],
)
def test_two_names_fold_to_one(given: dict[str, int], limits: tuple[int, int]) -> None:
    assert token_limits(**given) == TokenLimits(max_tokens=limits[0], min_tokens=limits[1])


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        (
            {"max_tokens": 1, "max_new_tokens": 2},
            "E1101",
            "max_tokens: max_tokens is 1 and max_new_tokens is 2: they are two names of one limit",
        ),
        (
            {"min_tokens": 1, "min_new_tokens": 2},
            "E1102",
            "min_tokens: min_tokens is 1 and min_new_tokens is 2: they are two names of one limit",
        ),
        ({"max_tokens": 0}, "E1000", "max_tokens: must be at least 1, not 0"),
        (
            {"max_tokens": 2, "min_tokens": 3},
            "E1000",
            "min_tokens: 3 is more than max_tokens, which is 2",
        ),
    ],
)
def test_contradictions_have_codes(given: dict[str, int], code: str, message: str) -> None:
    with pytest.raises(EngineError) as caught:
        token_limits(**given)
    assert (caught.value.code, str(caught.value)) == (code, message)


@pytest.mark.parametrize(
    ("text", "stops"),
    [
        (None, ()),
        ("", ()),
        ("a,b", ("a", "b")),
        ("###, User:,", ("###", " User:")),
        ("\\n\\n", ("\n\n",)),
        ('["a,b", "\\n", ""]', ("a,b", "\n")),
        (' ["[INST]"] ', ("[INST]",)),
        ("[INST],[/INST]", ("[INST]", "[/INST]")),
        ("[1]", ("[1]",)),
        ("[]", ()),
    ],
)
def test_stop_sequences_come_with_commas(text: str | None, stops: tuple[str, ...]) -> None:
    assert parse_stops(text) == stops
