"""What a value must be, and where it is not: as lines that a person can compare."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from typing import Any

from cogsmith.cases.case import Difference
from cogsmith.cases.entry import Matcher

__all__ = ["differences", "equal", "text_of"]

LONGEST = 200  # characters of a value that stand on a line
MOST_LINES = 40  # of a diff
MOST_FAULTS = 10  # of a schema


def differences(matcher: Matcher, value: Any, name: str = "the output") -> Iterator[Difference]:
    """All that is not as expected; ``name`` says of what.

    >>> [d.message for d in differences(Matcher(contains="b"), "a")]
    ['the output lacks "b"']
    """
    if matcher.gives("exact") and not equal(matcher.exact, value):
        yield _unequal(matcher.exact, value, name)
    text = text_of(value)
    if matcher.regex is not None and not re.search(matcher.regex, text):
        yield Difference(f"{name} does not match /{matcher.regex}/", _got(value))
    within = value if isinstance(value, list) else text
    lacking = [part for part in matcher.contains if part not in within]
    if lacking:
        yield Difference(f"{name} lacks {_listed(lacking)}", _got(value))
    unwanted = [part for part in matcher.lacks if part in within]
    if unwanted:
        yield Difference(f"{name} has {_listed(unwanted)} in it", _got(value))
    if matcher.gives("near"):
        for said in _far(matcher.near, value, matcher.within, ""):
            yield Difference(f"{name}{said}")
    if matcher.json_schema is not None:
        yield from _misfits(matcher.json_schema, value, name)


def equal(expected: Any, value: Any) -> bool:
    """As JSON: 1 is 1.0, and true is not 1.

    >>> equal([1, "a"], [1.0, "a"]), equal(1, True)
    (True, False)
    """
    if isinstance(expected, bool) or isinstance(value, bool):
        return expected is value
    if isinstance(expected, list) and isinstance(value, list):
        return len(expected) == len(value) and all(map(equal, expected, value))
    if isinstance(expected, dict) and isinstance(value, dict):
        return expected.keys() == value.keys() and all(
            equal(item, value[name]) for name, item in expected.items()
        )
    return bool(expected == value)


def text_of(value: Any) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _unequal(expected: Any, value: Any, name: str) -> Difference:
    before, after = _lines(expected), _lines(value)
    if len(before) == len(after) == 1:
        return Difference(f"{name} is another", (f"- {_short(expected)}", f"+ {_short(value)}"))
    diff = difflib.unified_diff(before, after, "expected", "got", lineterm="", n=2)
    return Difference(f"{name} is another", _cut(list(diff)[2:]))


def _lines(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.splitlines() or [""]
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True).splitlines()


def _cut(lines: list[str]) -> tuple[str, ...]:
    more = len(lines) - MOST_LINES
    shown = tuple(line[:LONGEST] for line in lines[:MOST_LINES])
    return (*shown, f"... {more} more lines") if more > 0 else shown


def _got(value: Any) -> tuple[str, ...]:
    return (f"+ {_short(value)}",)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def _listed(texts: list[str]) -> str:
    return ", ".join(json.dumps(text, ensure_ascii=False) for text in texts)


def _far(expected: Any, value: Any, within: tuple[float, float], path: str) -> Iterator[str]:
    if isinstance(expected, list):
        if not isinstance(value, list) or len(value) != len(expected):
            yield f"{path} is not a list of {len(expected)}"
            return
        for index, (one, other) in enumerate(zip(expected, value, strict=True)):
            yield from _far(one, other, within, f"{path}[{index}]")
    elif isinstance(value, bool) or not isinstance(value, int | float):
        yield f"{path} is {_short(value)}, not a number"
    else:
        room = max(within[0], within[1] * abs(expected))
        if not abs(value - expected) <= room:  # not >: NaN is never near
            yield f"{path} is {value:g}, and {room:g} around {expected:g} was expected"


def _misfits(schema: dict[str, Any], value: Any, name: str) -> Iterator[Difference]:
    import jsonschema

    faults = jsonschema.Draft202012Validator(schema).iter_errors(value)
    found = sorted((fault.json_path, fault.message) for fault in faults)
    for path, message in found[:MOST_FAULTS]:
        yield Difference(f"{name} does not fit the schema at {path}: {message[:LONGEST]}")
