"""gzip and zstd: the same bytes every time, read by everybody's tools, and read from anybody."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable

import deflate
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.errors import InvalidLayer
from cogsmith.oci import (
    GZIP_MEMBER,
    Compression,
    Digest,
    compress,
    decompress,
    detect,
    gzip_member,
    recipe,
)
from cogsmith.oci.compression import PIECE
from cogsmith.oci.media_types import COMPRESSIONS

TEXT = b"all work and no play " * 5000
pieces = st.lists(st.binary(max_size=300), max_size=5)
both = pytest.mark.parametrize("compression", ["gzip", "zstd"])


def joined(pieces: Iterable[bytes]) -> bytes:
    return b"".join(pieces)


@given(st.sampled_from(COMPRESSIONS), pieces, st.integers(1, 50))
def test_what_goes_in_comes_out(compression: Compression, pieces: list[bytes], size: int) -> None:
    made = joined(compress(pieces, compression))
    cut = [made[at : at + size] for at in range(0, len(made), size)]
    assert joined(decompress(cut, compression)) == joined(pieces)


@given(st.sampled_from(COMPRESSIONS), pieces)
def test_the_bytes_do_not_depend_on_how_they_come(
    compression: Compression, pieces: list[bytes]
) -> None:
    assert joined(compress(pieces, compression)) == joined(compress([joined(pieces)], compression))


def test_a_gzip_header_tells_of_no_machine_and_no_time() -> None:
    assert joined(compress([TEXT], "gzip")).startswith(bytes.fromhex("1f8b08 00 00000000 00 ff"))


def test_gzip_bytes_are_the_same_everywhere() -> None:
    """A golden form, of several members. A change of it changes the digest of every image."""
    made = joined(compress([TEXT] * 30, "gzip"))
    golden = "c4e7075bc4ee1651c4505850d76e55a2c3d34c9ea407578cf3c62f73163d89d2"
    assert str(Digest.of(made)) == f"sha256:{golden}"


def test_a_stream_is_cut_into_members_of_one_mebibyte() -> None:
    text = b"".join(b"%d " % number for number in range(400_000))
    cuts = range(0, len(text), GZIP_MEMBER)
    members = [gzip_member(text[at : at + GZIP_MEMBER]) for at in cuts]
    assert len(members) == 3
    assert joined(compress([text[:7], text[7:]], "gzip")) == joined(members)
    for member, at in zip(members, cuts, strict=True):
        assert gzip.decompress(member) == text[at : at + GZIP_MEMBER]


def test_the_recipe_names_the_compressor() -> None:
    assert recipe("gzip") == f"gzip-6/1048576 libdeflate of deflate {deflate.__version__}"
    assert recipe("zstd").startswith("zstd-3 libzstd 1.")
    assert recipe("none") == "none"


def test_a_reader_that_stops_early_leaves_no_thread_behind() -> None:
    pieces = compress((bytes(1 << 20) for _ in range(50)), "gzip")
    next(pieces), next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("gzip")]


def test_memory_stays_flat_however_slow_the_reader_is() -> None:
    """Only so many members are taken before anybody has read what was made of them."""
    taken = []
    pieces = compress((taken.append(n) or bytes(1 << 20) for n in range(100)), "gzip")  # type: ignore[func-returns-value]
    next(pieces), next(pieces)
    assert len(taken) < 10
    assert len(joined(pieces)) > 0


@both
def test_the_fields_own_tool_reads_it(compression: Compression) -> None:
    if not (tool := shutil.which(compression)):
        pytest.skip(f"{compression} is not installed")
    made = joined(compress([TEXT, TEXT], compression))
    done = subprocess.run([tool, "-dc"], input=made, capture_output=True, check=True)
    assert done.stdout == TEXT + TEXT


@both
def test_what_the_fields_own_tool_writes_is_read(compression: Compression) -> None:
    if not (tool := shutil.which(compression)):
        pytest.skip(f"{compression} is not installed")
    made = subprocess.run([tool, "-c"], input=TEXT, capture_output=True, check=True).stdout
    assert detect(made) == compression
    assert joined(decompress([made], compression)) == TEXT


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4), st.integers(1, 30))
def test_many_members_are_one_stream(parts: list[bytes], size: int) -> None:
    for compression, member in (("gzip", gzip.compress), ("zstd", zstandard.compress)):
        made = joined(map(member, parts))
        cut = [made[at : at + size] for at in range(0, len(made), size)]
        assert joined(decompress(cut, compression)) == joined(parts)  # type: ignore[arg-type]


def test_very_many_members_take_no_longer_than_their_bytes() -> None:
    """As wheels' own bytes are spliced: Python's one-call reader is quadratic here."""
    member = gzip.compress(b"x" * 500)
    assert len(joined(decompress([member * 20_000], "gzip"))) == 10_000_000


@both
@pytest.mark.parametrize("keep", [0, 1, 5, 15, -9, -1])
def test_a_stream_that_ends_too_early(compression: Compression, keep: int) -> None:
    made = joined(compress([TEXT], compression))[:keep]
    with pytest.raises(InvalidLayer, match=f"the {compression} stream ends too early"):
        joined(decompress([made], compression))


@both
@given(st.data())
def test_a_flipped_byte_is_found_or_changes_nothing(
    compression: Compression, draw: st.DataObject
) -> None:
    made = joined(compress([TEXT[:200]], compression))
    at = draw.draw(st.integers(0, len(made) - 1))
    flipped = made[:at] + bytes([made[at] ^ draw.draw(st.integers(1, 255))]) + made[at + 1 :]
    try:
        found = joined(decompress([flipped], compression))
    except InvalidLayer:
        return
    # Fields that say nothing of the content: time, system, the window's size.
    assert found == TEXT[:200]


def test_zeros_may_follow_gzip_and_other_bytes_may_not() -> None:
    made = gzip.compress(TEXT)
    assert joined(decompress([made, bytes(100)], "gzip")) == TEXT
    for rest in (b"x", b"\0x", bytes(10) + b"\x1f\x8b"):
        with pytest.raises(InvalidLayer):
            joined(decompress([made + rest], "gzip"))
        with pytest.raises(InvalidLayer):
            joined(decompress([made, *(bytes([byte]) for byte in rest)], "gzip"))


@both
def test_a_bomb_is_let_out_piece_by_piece(compression: Compression) -> None:
    made = joined(compress((bytes(1 << 20) for _ in range(200)), compression))
    assert len(made) < 300_000
    sizes = [len(piece) for piece in decompress([made], compression)]
    assert sum(sizes) == 200 << 20
    assert max(sizes) <= 64 << 20


@given(st.binary(max_size=40))
def test_anything_is_read_or_refused(data: bytes) -> None:
    for compression in ("gzip", "zstd"):
        with pytest.raises(InvalidLayer):
            joined(decompress([b"x" + data], compression))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (gzip.compress(b"", mtime=0), "gzip"),
        (zstandard.compress(b""), "zstd"),
        (bytes.fromhex("5f2a4d18 04000000"), "zstd"),
        (b"usr/bin/\0\0", "none"),
        (b"", "none"),
        (b"P", "none"),
    ],
)
def test_the_first_bytes_tell_the_compression(head: bytes, found: str) -> None:
    assert detect(head) == found


def test_a_skippable_frame_holds_nothing() -> None:
    made = bytes.fromhex("502a4d18 03000000") + b"abc" + zstandard.compress(TEXT)
    assert joined(decompress([made], "zstd")) == TEXT


def test_compressors_are_imported_when_they_are_needed() -> None:
    code = "import cogsmith.oci, sys; assert not {'zstandard', 'deflate'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pythons_own_reader_agrees() -> None:
    made = joined(compress([TEXT], "gzip"))
    assert gzip.GzipFile(fileobj=io.BytesIO(made)).read() == TEXT


@pytest.mark.timeout(60)
def test_a_member_that_ends_where_a_step_of_decompression_does() -> None:
    """zlib then names what follows twice, as rest and as not consumed: it went on for ever."""
    data = b"".join(n.to_bytes(4, "big") for n in range(PIECE // 4))
    stream = gzip.compress(data) + gzip.compress(b"and more")
    assert joined(decompress([stream], "gzip")) == data + b"and more"
