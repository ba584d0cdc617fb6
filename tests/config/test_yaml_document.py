"""YAML with places."""

from __future__ import annotations

import pytest

from cogsmith.config.yaml_document import compose
from cogsmith.errors import ConfigError

BROKEN = {
    "a:\n\tb: 1\n": "f:2: is not YAML: found a tab that cannot start a value"
    " (indent with spaces; YAML does not take tabs)",
    "a: b: c": "f:1: is not YAML: mapping values are not allowed here"
    ' (quote a text that holds ": ", or check the indent)',
    "a: 'b\n": "f:2: is not YAML: found unexpected end of stream (close the quote)",
    "a: [b\n": "f:2: is not YAML: expected ',' or ']', but got '<stream end>'"
    " (close the bracket, and separate items by commas)",
    "a: *b\n": "f:1: is not YAML: found undefined alias 'b' (quote a text that starts with *)",
    "a: @b\n": "f:1: is not YAML: found character '@' that cannot start a value"
    " (quote a text that starts with this character)",
    "a: 1\n b: 2\n": "f:2: is not YAML: mapping values are not allowed here"
    ' (quote a text that holds ": ", or check the indent)',
    "  a: 1\n b: 2\n": "f:2: is not YAML: expected '<document start>', but found"
    " '<block mapping start>'"
    " (indent all keys of one level by the same amount)",
    "a: 1\nb\n": "f:3: is not YAML: could not find expected ':' (write \"key: value\")",
    "a: 1\n\x00": "f:2: the character U+0000 cannot stand in YAML"
    " (save the file as plain UTF-8 text)",
    "": 'f: is empty (name the predictor: predict: "predict.py:Predictor")',
    "# nothing\n": 'f: is empty (name the predictor: predict: "predict.py:Predictor")',
    "---\n": 'f: is empty (name the predictor: predict: "predict.py:Predictor")',
    "a: 1\n---\nb: 2\n": "f:3: a second document starts here"
    " (keep one document; each further model gets a file of its own, cog.<name>.yaml)",
    "a: 1\nb: 2\na: 3\n": "f:3: a: is given twice, first on line 1 (keep one of them)",
    "a: {b c: 1, b c: 2}": 'f:1: a."b c": is given twice, first on line 1 (keep one of them)',
    "1: a": 'f:1: the key "1" is not text (quote it)',
    "on: a": 'f:1: the key "on" is not text (quote it)',
    "[a]: b": "f:1: the key in brackets is not text (quote it)",
    "a: !!python/object:os.system b": 'f:1: a: unknown tag "!!python/object:os.system"'
    " (leave the tag out)",
    "a: &a [*a]": "f:1: a[0]: refers to itself (write the value out)",
    "a:\n  <<: 5": "f:2: a: << takes a mapping (write *name after it)",
    '"\\ud800": 1': 'f:1: the key "\\ud800" is not text (quote it)',
    'a: "\\ud800"': "f:1: a: holds half a character (write \\U and its eight digits)",
    "[" * 500: "f: is nested too deeply",
    "[" * 60 + "]" * 60: "f: holds too much for a config",
    "a: &a [1, 2, 3]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdef", "bcdefg", strict=True)
    ): "f: holds too much for a config",
}  # fmt: skip


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_not_one_plain_document(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose(text, "f")
    (problem,) = caught.value.problems
    assert (f"{problem} ({problem.hint})" if problem.hint else str(problem)) == BROKEN[text]


def test_every_key_and_item_has_its_line() -> None:
    document = compose("a:\n  - b: 1\n    c: |\n      long\n  -\n    d\ne: 2.50\n", "f")
    assert document.value == {"a": [{"b": 1, "c": "long\n"}, "d"], "e": 2.5}
    assert document.lines == {
        (): 1, ("a",): 1, ("a", 0): 2, ("a", 0, "b"): 2, ("a", 0, "c"): 3, ("a", 1): 6, ("e",): 7,
    }  # fmt: skip
    assert document.where(("a", 0, "missing")) == "f:2: a[0].missing"
    assert document.sources[("e",)] == "2.50"


def test_anchors_and_merges_are_followed_and_own_keys_win() -> None:
    text = "base: &base {a: 1, b: 2}\nmore: &more {c: 3}\nx: {b: 5, <<: [*base, *more]}\n"
    assert compose(text, "f").value == {
        "base": {"a": 1, "b": 2},
        "more": {"c": 3},
        "x": {"a": 1, "b": 5, "c": 3},
    }


def test_dates_stay_text() -> None:
    assert compose("a: 2026-11-24", "f").value == {"a": "2026-11-24"}
