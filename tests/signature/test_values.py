"""Defaults filled in, and what the worker must decode."""

from __future__ import annotations

from cogsmith.signature import complete, decoders

from .sources import signature


def test_defaults_and_order() -> None:
    made = signature("a: int, b: str = 'x', c: Optional[str] = None, d: Secret = Input(None)")
    assert complete(made, {"a": 1}) == {"a": 1, "b": "x", "c": None, "d": None}
    assert list(complete(made, {"c": "y", "a": 1})) == ["a", "b", "c", "d"]


def test_what_is_required_is_not_made_up() -> None:
    assert complete(signature("a: int, b: int = Input(default=None)"), {}) == {}


def test_numbers_get_the_type_that_was_asked_for() -> None:
    made = signature("a: float, b: int, c: list[float], d: int | float, e: bool, f: float = 2")
    found = complete(made, {"a": 1, "b": 2.0, "c": [1], "d": 1, "e": True})
    assert [type(value) for value in found.values()] == [float, int, list, int, bool, float]
    assert found["c"] == [1.0]
    assert complete(made, {"a": 10**400})["a"] == 10**400


def test_defaults_are_not_shared() -> None:
    made = signature("a: list[dict] = [{'k': []}]")
    complete(made, {})["a"].append(1)  # type: ignore[attr-defined]
    assert complete(made, {})["a"] == [{"k": []}]


def test_decoders() -> None:
    made = signature("a: str, b: Path, c: list[File], d: Optional[Secret], e: dict, f: str | int")
    assert decoders(made) == {
        "b": {"kind": "path", "many": False},
        "c": {"kind": "file", "many": True},
        "d": {"kind": "secret", "many": False},
    }
