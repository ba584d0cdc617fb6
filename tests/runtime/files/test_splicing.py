"""Texts replaced in JSON without parsing it: the same as doing it in the parsed value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cogsmith.runtime.files.splicing import spliced

NAMES = ["a", "a b", "ä", 'q"q', "back\\slash", "x?y#z"]
FILES = [(Path("/tmp/out") / name).as_uri() for name in NAMES]
NEW = {url: b"data:text/plain;base64,%d" % number for number, url in enumerate(FILES)}
# Texts that are a URL, hold one, or look like the beginning of another text around it.
TEXTS = st.one_of(
    st.sampled_from(FILES),
    st.sampled_from(FILES).map(lambda url: f'"{url}"'),
    st.sampled_from(FILES).map(lambda url: f'"{url}'),
    st.sampled_from(FILES).map(lambda url: f'{url}"'),
    st.sampled_from(FILES).map(lambda url: f'\\"{url}"\\'),
    st.sampled_from(FILES).map(lambda url: f"see {url}"),
    st.sampled_from(["\\", '"', ',"', '":"', ""]),
    st.text(max_size=4),
)
VALUES = st.recursive(
    TEXTS | st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def replaced(value: Any) -> Any:
    if isinstance(value, str):
        return NEW[value].decode() if value in NEW else value
    if isinstance(value, list):
        return [replaced(item) for item in value]
    if isinstance(value, dict):
        return {key: replaced(item) for key, item in value.items()}
    return value


@given(VALUES, st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\n:\t")]), st.booleans())
def test_it_is_what_parsing_would_do(value: Any, marks: tuple[str, str], ascii_: bool) -> None:
    text = json.dumps(value, separators=marks, ensure_ascii=ascii_).encode("utf-8", "surrogatepass")
    made = spliced(text, NEW).decode("utf-8", "surrogatepass")
    assert json.loads(made) == replaced(value)


def test_everything_else_stays_byte_for_byte() -> None:
    json_text = b'{"n": 1e400, "n": 12345678901234567890.0, "f":"file:///tmp/a"}'
    assert spliced(json_text, {"file:///tmp/a": b"x"}) == json_text.replace(b"file:///tmp/a", b"x")


def test_a_url_that_begins_another_is_not_taken_for_it() -> None:
    json_text = b'["file:///a","file:///a.png"]'
    new = {"file:///a": b"1", "file:///a.png": b"2"}
    assert spliced(json_text, new) == b'["1","2"]'
