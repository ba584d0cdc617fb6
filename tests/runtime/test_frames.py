"""The wire format: any frames, cut anywhere, come out as they went in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.runtime.worker.frames import BUFFER, Frame, Kind, Reader, frame, header

SIZES = st.one_of(
    st.integers(0, 40), st.sampled_from([BUFFER - 13, BUFFER - 12, BUFFER - 11, BUFFER, 200_000])
)
FRAMES = st.lists(st.tuples(st.integers(0, 255), st.integers(0, 2**32 - 1), SIZES), max_size=12)


def cut(data: bytes, cuts: list[int]) -> list[Frame]:
    """Feed a reader as a socket would: as much as fits, at most the next cut's size."""
    reader, found, sizes = Reader(), [], iter(cuts)
    while data:
        room = reader.buffer()
        count = min(len(room), len(data), next(sizes, len(data)))
        room[:count] = data[:count]
        data = data[count:]
        found += reader.received(count)
    assert not reader.amid
    return found


@given(FRAMES, st.lists(st.integers(1, 70_000), max_size=40))
def test_frames_come_out_as_they_went_in(
    wanted: list[tuple[int, int, int]], cuts: list[int]
) -> None:
    frames = [(kind, number, bytes([number % 251]) * size) for kind, number, size in wanted]
    data = b"".join(frame(*one) for one in frames)
    assert cut(data, cuts) == frames


def test_byte_by_byte() -> None:
    frames = [(Kind.OUTPUT, 7, b'"a"'), (Kind.FINISHED, 7, b"{}"), (Kind.CANCEL, 8, b"")]
    data = b"".join(frame(*one) for one in frames)
    assert cut(data, [1] * len(data)) == frames


def test_a_frame_on_paper() -> None:
    assert frame(Kind.OUTPUT, 258, b'"hi"').hex(" ") == (
        "22 00 00 00 02 01 00 00 04 00 00 00 22 68 69 22"
    )


def test_a_payload_that_is_too_long_is_refused() -> None:
    with pytest.raises(OverflowError, match="one frame"):
        header(Kind.OUTPUT, 1, 2**32)


def test_every_kind_has_its_own_number_and_is_documented() -> None:
    from pathlib import Path

    kinds = {name: value for name, value in vars(Kind).items() if name.isupper()}
    assert len(set(kinds.values())) == len(kinds)
    page = (Path(__file__).parents[2] / "docs/reference/frames.md").read_text("utf-8")
    for name, value in kinds.items():
        assert f"| {value} | `{name}` |" in page
