from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from cogsmith.engine.detokenizer import Detokenizer
from cogsmith.engine.scripted import ByteTokenizer

WORDS = ("▁once", "▁upon", "▁a", "▁", "time", "s", "…")


def sentencepiece(ids: Sequence[int]) -> str:
    """Decodes as sentencepiece does: the first space of whatever it is given is dropped."""
    return "".join(WORDS[id_] for id_ in ids).replace("▁", " ").removeprefix(" ")


def in_pieces(ids: list[int], data: st.DataObject) -> list[list[int]]:
    pieces = []
    while ids:
        size = data.draw(st.integers(1, len(ids)))
        pieces.append(ids[:size])
        ids = ids[size:]
    return pieces


@given(st.lists(st.integers(0, len(WORDS) - 1), max_size=20), st.data())
def test_leading_spaces_survive(ids: list[int], data: st.DataObject) -> None:
    detokenizer = Detokenizer(sentencepiece)
    said = [detokenizer.push(piece) for piece in in_pieces(ids, data)]
    assert "".join(said) + detokenizer.flush() == sentencepiece(ids)


@given(st.lists(st.integers(0, 258), max_size=40), st.data())
def test_any_bytes_in_any_pieces_read_as_the_whole(ids: list[int], data: st.DataObject) -> None:
    decode = ByteTokenizer().decode
    detokenizer = Detokenizer(decode)
    said = [detokenizer.push(piece) for piece in in_pieces(ids, data)]
    assert "".join(said) + detokenizer.flush() == decode(ids)


@given(st.text(), st.data())
def test_no_half_characters(text: str, data: st.DataObject) -> None:
    tokenizer = ByteTokenizer()
    detokenizer = Detokenizer(tokenizer.decode)
    said = ""
    for piece in in_pieces(list(text.encode()), data):
        said += detokenizer.push(piece)
        assert text.startswith(said)
    assert said + detokenizer.flush() == text


def test_a_character_waits_for_its_last_byte() -> None:
    detokenizer = Detokenizer(ByteTokenizer().decode)
    assert [detokenizer.push([byte]) for byte in "é🙂".encode()] == ["", "é", "", "", "", "🙂"]


def test_what_stays_broken_is_flushed() -> None:
    detokenizer = Detokenizer(ByteTokenizer().decode)
    assert detokenizer.push(list(b"ok\xf0\x9f")) == ""
    assert detokenizer.flush() == "ok\N{REPLACEMENT CHARACTER}"
