"""Which names a metric may have, in the words that Cog's users search for."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.runtime.worker.names import objection

GOOD = ["a", "token_count", "timing.load_2", "a.b.c.d", "A1", "x" * 128]
BAD = {
    "": "empty segments",
    "2fast": "must start with a letter",
    "_a": "must start with a letter",
    "a__b": "must not contain consecutive underscores",
    "a_": "must end with a letter or digit",
    ".a": "must not start with a dot",
    "a..b": "empty segments",
    "a.": "empty segments",
    "predict_time": "predict_time",
    "cog.version": "cog.",
    "a.b.c.d.e": "at most 4 dot-separated segments",
    "x" * 129: "128 characters",
    "a b": "must contain only letters, digits and underscores",
    "größe": "must contain only letters, digits and underscores",
}


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str) -> None:
    assert objection(name) == ""


@pytest.mark.parametrize(("name", "said"), BAD.items())
def test_bad(name: str, said: str) -> None:
    assert said in objection(name)


@given(
    st.from_regex(
        r"[A-Za-z](_?[A-Za-z0-9]){0,9}(\.[A-Za-z](_?[A-Za-z0-9]){0,9}){0,3}", fullmatch=True
    )
)
def test_the_rule_as_one_expression(name: str) -> None:
    reserved = name == "predict_time" or name.startswith("cog.")
    assert bool(objection(name)) == reserved
    assert not re.search(r"[^\w.]", name)
