"""Whatever the pieces in which they come, a container's two streams are told apart."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cogsmith.container.frames import Frames, Texts
from cogsmith.prediction import Log

pieces = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=20)), max_size=6)


def framed(stream: int, payload: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(ends)]


@given(pieces, st.lists(st.integers(0, 500), max_size=8))
def test_frames_come_whole(sent: list[tuple[int, bytes]], places: list[int]) -> None:
    data = b"".join(framed(*one) for one in sent)
    frames = Frames()
    assert [one for piece in cut(data, places) for one in frames.take(piece)] == sent


def test_a_character_may_be_cut_by_a_frame() -> None:
    texts = Texts()
    word = "größe".encode()
    data = framed(1, word[:3]) + framed(2, b"err") + framed(1, word[3:])
    assert list(texts.take(data)) == [
        Log(source="stdout", text="gr"),
        Log(source="stderr", text="err"),
        Log(source="stdout", text="öße"),
    ]
