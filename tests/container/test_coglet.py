"""Of what Cog's server writes, a person sees the author's words."""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cogsmith.container import Plain
from cogsmith.prediction import Log


def line(message: str, level: str = "INFO", **fields: str) -> str:
    told = {"message": message, **fields}
    document = {"timestamp": "2026-11-28T13:42:39Z", "level": level, "fields": told}
    return json.dumps({**document, "target": "coglet::setup"}, separators=(",", ":")) + "\n"


WRITTEN = "".join(
    (
        line("Server listening"),
        line("setting up", source="Stdout"),
        "a plain line\n",
        line("trouble", source="Stderr"),
        line("predict() is deprecated", level="WARN"),
        line("cannot bind", level="ERROR"),
        '{"timestamp": not JSON\n',
    )
)


def shown(pieces: list[str]) -> list[tuple[str, str]]:
    plain = Plain()
    logs = [one for piece in pieces for one in plain.take(Log(source="stderr", text=piece))]
    return [(one.source, one.text) for one in logs]


def test_the_author_s_words_errors_and_what_is_no_log() -> None:
    assert shown([WRITTEN]) == [
        ("stdout", "setting up\n"),
        ("stderr", "a plain line\n"),
        ("stderr", "trouble\n"),
        ("stderr", "cannot bind\n"),
        ("stderr", '{"timestamp": not JSON\n'),
    ]


@given(st.lists(st.integers(0, len(WRITTEN)), max_size=6))
def test_in_pieces_as_at_once(places: list[int]) -> None:
    ends = sorted({*places, 0, len(WRITTEN)})
    pieces = [WRITTEN[a:b] for a, b in pairwise(ends)]
    assert "".join(text for _, text in shown(pieces)) == "".join(
        text for _, text in shown([WRITTEN])
    )


def test_a_line_without_an_end_is_shown_at_once() -> None:
    assert shown(["loading: 50%"]) == [("stderr", "loading: 50%")]
