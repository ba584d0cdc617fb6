"""The small part of JSONPath that is spoken here."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.cases.json_path import JsonPath

VALUE = {"a": [{"b": 1}, {"b": 2}], "b c": {"é": None}, "7": [[]]}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", [("$", VALUE)]),
        ("$.a[0].b", [("$.a[0].b", 1)]),
        ("$.a[-1].b", [("$.a[1].b", 2)]),
        ("$.a[*].b", [("$.a[0].b", 1), ("$.a[1].b", 2)]),
        ("$['b c'].é", [("$.b c.é", None)]),
        ('$["7"][0]', [("$.7[0]", [])]),
        ("$['b c'].*", [("$.b c.é", None)]),
        ("$.a[2]", []),
        ("$.a.b", []),
        ("$.zzz", []),
        ("$.a[0].b.c", []),
        ("$['7'][*][*]", []),
    ],
)
def test_places_are_found(path: str, found: list[tuple[str, Any]]) -> None:
    assert list(JsonPath.parse(path).find(VALUE)) == found


@pytest.mark.parametrize(
    "path", ["", "a", "$a", "$..a", "$.a[", "$.a[1:2]", "$[?@.a]", "$.a b", "$.", "$[01]"]
)
def test_what_is_not_spoken_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"\$|cannot be read"):
        JsonPath.parse(path)


@given(st.lists(st.sampled_from(["x", "y"]) | st.integers(0, 2), max_size=4), st.integers())
def test_a_value_that_was_put_somewhere_is_found_there(steps: list[str | int], leaf: int) -> None:
    value: Any = leaf
    for step in reversed(steps):
        value = {step: value} if isinstance(step, str) else [None] * step + [value]
    text = "$" + "".join(f".{s}" if isinstance(s, str) else f"[{s}]" for s in steps)
    assert list(JsonPath.parse(text).find(value)) == [(text, leaf)]
