"""Versions are ordered as dpkg orders them."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogsmith.image.debs.version import Version, satisfies

ORDERED = (
    "0", "1.0~~", "1.0~~a", "1.0~", "1.0", "1.0-0.1", "1.0-1", "1.0-1+b1", "1.0-1.1", "1.0-10",
    "1.0a", "1.0+dfsg-1", "1.0.1", "1.2", "1.10", "1:0.1", "2:0",
)  # fmt: skip
TEXTS = st.from_regex(r"([0-9]:)?[0-9][0-9a-z.+~]{0,6}(-[0-9a-z.+~]{1,4})?", fullmatch=True)


def test_the_order() -> None:
    assert sorted(sorted(ORDERED), key=Version) == list(ORDERED)


@pytest.mark.parametrize(
    ("one", "other"), [("1.0", "0:1.0"), ("1.0", "1.0-0"), ("1.00", "1.0"), ("1.", "1.0")]
)
def test_the_same_in_other_words(one: str, other: str) -> None:
    assert Version(one) == Version(other)
    assert hash(Version(one)) == hash(Version(other))
    assert satisfies(one, "=", other)
    assert not satisfies(one, "<<", other)


@given(st.lists(TEXTS, min_size=3, max_size=3))
def test_the_order_is_one(texts: list[str]) -> None:
    a, b, c = sorted(map(Version, texts))
    assert a <= b <= c
    assert a <= c
    assert (a == b) == (not a < b)


@pytest.mark.skipif(not shutil.which("dpkg"), reason="needs dpkg")
@settings(max_examples=50)
@given(TEXTS, TEXTS)
def test_dpkg_says_the_same(one: str, other: str) -> None:
    asked = ("dpkg", "--compare-versions", one, "lt", other)
    assert (Version(one) < Version(other)) == (subprocess.run(asked, check=False).returncode == 0)
