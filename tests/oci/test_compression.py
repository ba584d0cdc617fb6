"""gzip and zstd: the same bytes every time, read by everybody's tools, and read from anybody."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.errors import InvalidLayer
from cogsmith.oci import Compression, compress, decompress, detect, recipe
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


def test_gzip_bytes_are_zlibs() -> None:
    """A golden form: header, what zlib makes at level 6, checksum, size."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = deflate.compress(TEXT) + deflate.flush()
    tail = zlib.crc32(TEXT).to_bytes(4, "little") + len(TEXT).to_bytes(4, "little")
    assert joined(compress([TEXT], "gzip"))[10:] == body + tail


def test_the_recipe_names_the_compressor() -> None:
    assert recipe("gzip") == f"gzip-6 zlib {zlib.ZLIB_RUNTIME_VERSION}"
    assert recipe("zstd").startswith("zstd-3 libzstd 1.")
    assert recipe("none") == "none"


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


def test_zstandard_is_imported_when_it_is_needed() -> None:
    code = "import cogsmith.oci, sys; assert 'zstandard' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pythons_own_reader_agrees() -> None:
    made = joined(compress([TEXT], "gzip"))
    assert gzip.GzipFile(fileobj=io.BytesIO(made)).read() == TEXT
