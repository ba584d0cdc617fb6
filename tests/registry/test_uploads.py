"""Uploads as values: what is sent next, whatever the registry says of how far we are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.oci import Digest
from cogsmith.registry.uploads import (
    Limits,
    Session,
    advanced,
    begun,
    committed_url,
    next_piece,
)

URL = "https://r.example/v2/a/blobs/uploads/"
SIZES = st.integers(0, 10**12)
LIMITS = st.builds(Limits, whole=st.integers(0, 10**9), chunk=st.integers(1, 10**9))


@given(SIZES, LIMITS, st.integers(0, 10**9))
def test_pieces_cover_a_blob_once_and_in_order(size: int, limits: Limits, least: int) -> None:
    session, count = Session("u", least=least), 0
    size = min(size, 500 * max(limits.chunk, least))  # not too many pieces
    while piece := next_piece(session, size, limits):
        assert piece.start == session.offset
        assert piece.stop <= size
        if piece.whole:
            assert (piece.start, piece.stop) == (0, size)
            assert size <= limits.whole
            return
        assert piece.size > 0
        assert piece.stop == size or piece.size == max(limits.chunk, least)
        session = advanced(session, URL, {"range": f"0-{piece.stop - 1}"})
        if piece.stop == 1:
            return  # a blob of one byte, which no answer can tell from none
        assert session.offset == piece.stop
        count += 1
    assert session.offset == size
    assert count == -(-size // max(limits.chunk, least))


@given(SIZES, LIMITS, st.integers(1, 10**12))
def test_a_blob_goes_on_where_the_registry_is(size: int, limits: Limits, there: int) -> None:
    piece = next_piece(Session("u", offset=there), size, limits)
    if piece is None:
        assert there >= size
    else:
        assert piece.start == there
        assert not piece.whole


@given(st.integers(1, 10**15))
def test_ranges(last: int) -> None:
    for text in (f"0-{last}", f"bytes=0-{last}", f" 0-{last} "):
        assert advanced(Session("u"), URL, {"range": text}).offset == last + 1


@pytest.mark.parametrize("text", ["", "0-", "a-b", "bytes 0-5/10", "-1", "0-99999999999999999999"])
def test_a_range_that_is_none_leaves_it_where_it_was(text: str) -> None:
    assert advanced(Session("u", offset=7), URL, {"range": text}).offset == 7


def test_no_byte_yet_is_written_as_one() -> None:
    assert advanced(Session("u", offset=7), URL, {"range": "0-0"}).offset == 0


@pytest.mark.parametrize(
    ("location", "found"),
    [
        ("/v2/a/blobs/uploads/1?_state=x%3D", "https://r.example/v2/a/blobs/uploads/1?_state=x%3D"),
        ("1", "https://r.example/v2/a/blobs/uploads/1"),
        ("https://other.example/u?x=1", "https://other.example/u?x=1"),
        ("//other.example/u", "https://other.example/u"),
    ],
)
def test_locations(location: str, found: str) -> None:
    assert begun(URL, {"location": location}).location == found
    assert advanced(Session("u"), URL, {"location": location}).location == found


def test_a_location_that_is_missing() -> None:
    with pytest.raises(ValueError, match="no place to upload to"):
        begun(URL, {})
    assert advanced(Session("u"), URL, {}).location == "u"


def test_the_smallest_chunk() -> None:
    headers = {"location": "1", "oci-chunk-min-length": "1000"}
    session = begun(URL, headers)
    assert session.least == 1000
    piece = next_piece(session, 10_000, Limits(whole=0, chunk=10))
    assert piece is not None
    assert piece.content_range == "0-999"
    assert begun(URL, {**headers, "oci-chunk-min-length": "many"}).least == 0


@given(st.sampled_from(["https://r/u", "https://r/u?", "https://r/u?_state=a%3D%3D&b=%20"]))
def test_the_query_of_a_location_stays_as_it_is(location: str) -> None:
    url = committed_url(location, Digest.of(b"x"))
    assert url.startswith(location.rstrip("?"))
    assert url.count("?") == 1
    assert url.endswith(f"digest=sha256%3A{Digest.of(b'x').hex}")
