from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cogsmith.engine.scripted import ByteTokenizer


@given(st.text())
def test_text_survives_the_byte_tokenizer(text: str) -> None:
    tokenizer = ByteTokenizer()
    bare = text
    for mark in tokenizer.special_tokens:
        bare = bare.replace(mark, "")
    assert tokenizer.decode(tokenizer.encode(text, special=True)) == bare


def test_control_tokens_are_tokens() -> None:
    assert ByteTokenizer().encode("a<image></s>", special=True) == [256, 97, 258, 257]
