from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cogsmith.engine.stops import StopScanner

TEXTS = st.text("abc", max_size=30)
STOPS = st.lists(st.text("abc", min_size=1, max_size=4), max_size=3)


def first_stop(text: str, stops: list[str]) -> int:
    """Where the text is cut: at the stop that is complete first, of those the longest."""
    for end in range(len(text) + 1):
        if starts := [end - len(s) for s in stops if text[:end].endswith(s)]:
            return min(starts)
    return len(text)


@given(TEXTS, STOPS, st.data())
def test_pieces_never_matter(text: str, stops: list[str], data: st.DataObject) -> None:
    scanner, said, left = StopScanner(stops), "", text
    while left:
        size = data.draw(st.integers(1, len(left)))
        said += scanner.push(left[:size])
        left = left[size:]
        assert not any(stop in said for stop in stops)
    said += scanner.flush()
    cut = first_stop(text, stops)
    assert said == text[:cut]
    assert (scanner.found is None) == (not any(stop in text for stop in stops))


def test_only_a_possible_beginning_waits() -> None:
    scanner = StopScanner(["STOP"])
    assert scanner.push("do it S") == "do it "
    assert scanner.push("T") == ""
    assert scanner.push("AND") == "STAND"
    assert scanner.push("STOP it") == ""
    assert scanner.push("more") == ""
    assert scanner.found == "STOP"


def test_without_stops_nothing_waits() -> None:
    assert StopScanner(["", ""]).push("text") == "text"
