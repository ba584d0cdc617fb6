"""The words of a command line, by type."""

from __future__ import annotations

import pytest

from cogsmith.signature import FileInput, coerce

from .sources import signature


def worded(kind: str, *texts: str) -> object:
    return coerce(signature(f"x: {kind}"), [("x", text) for text in texts])["x"]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "3", 3),
        ("int", "-3", -3),
        ("int", "+3", 3),
        ("int", "3.0", "3.0"),
        ("int", "1_000", "1_000"),
        ("int", "three", "three"),
        ("float", "3", 3),
        ("float", "0.5", 0.5),
        ("float", "1e-3", 0.001),
        ("float", ".5", 0.5),
        ("float", "inf", "inf"),
        ("float", "1e999", "1e999"),
        ("float", "nan", "nan"),
        ("bool", "true", True),
        ("bool", "False", False),
        ("bool", "1", "1"),
        ("str", "3", "3"),
        ("str", "true", "true"),
        ("str", "https://example.com/a.png", "https://example.com/a.png"),
        ("str", "", ""),
        ("str", "@", "@"),
        ("str", "a=b", "a=b"),
        ("str", "@words.txt", FileInput("words.txt", text=True)),
        ("Secret", "s3", "s3"),
        ("Path", "@a.png", FileInput("a.png")),
        ("Path", "https://example.com/a.png", "https://example.com/a.png"),
        ("Path", "data:,hi", "data:,hi"),
        ("File", "@~/a.png", FileInput("~/a.png")),
        ("dict", '{"a": [1]}', {"a": [1]}),
        ("dict", "{", "{"),
        ("dict", "NaN", "NaN"),
        ("Any", '{"a": 1}', {"a": 1}),
        ("Optional[int]", "3", 3),
        ("list[int]", "3", [3]),
        ("list[int]", "[1, 2]", [1, 2]),
        ("list[str]", "a,b", ["a,b"]),
        ("list[Path]", "@a", [FileInput("a")]),
        ("list[dict]", '[{"a": 1}]', [{"a": 1}]),
        ("str | float", "1", 1),
        ("str | float", "1.5", 1.5),
        ("str | float", "hello", "hello"),
        ("float | str", "1", 1),
        ("float | str", "1.5", 1.5),
        ("float | str", "hello", "hello"),
        ("str | int", "1.5", "1.5"),
        ("int | float", "1.5", 1.5),
        ("str | bool", "true", True),
        ("str | list[dict]", "hi", "hi"),
        ("str | list[dict]", '[{"a": 1}]', [{"a": 1}]),
        ("int | list[int]", "[1]", [1]),
        ("dict | str", '{"a": 1}', {"a": 1}),
        ("list[int] | list[str]", "a", ["a"]),
        ("list[int] | list[str]", "3", [3]),
    ],
)
def test_one_word(kind: str, text: str, value: object) -> None:
    found = worded(kind, text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("kind", "texts", "value"),
    [
        ("list[int]", ("1", "2"), [1, 2]),
        ("list[Path]", ("@a", "https://b"), [FileInput("a"), "https://b"]),
        ("list[str] | None", ("a", "b"), ["a", "b"]),
        ("int | list[float]", ("1", "2.5"), [1, 2.5]),
        ("int", ("1", "2"), [1, 2]),
    ],
)
def test_repeated_names_make_lists(kind: str, texts: tuple[str, ...], value: object) -> None:
    assert worded(kind, *texts) == value


def test_unknown_names_stay_for_check() -> None:
    assert coerce(signature(), [("other", "1")]) == {"other": "1"}
