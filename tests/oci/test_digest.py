"""Digests, and streams that are checked as they pass."""

from __future__ import annotations

import hashlib
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.errors import DigestMismatch, InvalidDigest
from cogsmith.oci import Digest, Hasher, reader, verified
from tests.oci.images import digests

HELLO = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def test_a_digest_names_bytes() -> None:
    assert str(Digest.of(b"hello")) == HELLO
    assert Digest.parse(HELLO).short == "2cf24dba5fb0"
    assert Digest.of(b"hello", "sha512").hex == hashlib.sha512(b"hello").hexdigest()


@given(digests)
def test_reading_and_writing_are_inverse(digest: Digest) -> None:
    assert Digest.parse(str(digest)) == digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no colon"),
        ("2cf24dba", "has no colon"),
        ("md5:" + "a" * 32, "the algorithm 'md5' is not one of sha256 and sha512"),
        ("SHA256:" + "a" * 64, "the algorithm 'SHA256'"),
        ("sha256:" + "a" * 63, "sha256 has 64 characters, not 63"),
        ("sha512:" + "a" * 64, "sha512 has 128 characters, not 64"),
        ("sha256:" + "A" * 64, "'A' is not one of 0-9a-f"),
        ("sha256:" + "a" * 63 + "\n", r"'\\n' is not one of"),
        ("sha256:" + "../" * 21 + "a", "'.' is not one of"),
        ("sha256:" + "٣" * 64, "'٣' is not one of"),
        ("sha256:" + "a" * 1000, "not 1000"),
    ],
)
def test_what_is_no_digest_says_why(text: str, message: str) -> None:
    with pytest.raises(InvalidDigest, match=message) as caught:
        Digest.parse(text)
    assert len(caught.value.message) < 200
    assert "sha256:" in caught.value.hint


@given(st.text())
def test_nothing_else_is_raised(text: str) -> None:
    with suppress(InvalidDigest):
        assert str(Digest.parse(text)) == text


def test_no_value_is_wrong() -> None:
    with pytest.raises(InvalidDigest):
        Digest("sha256", "../../etc/passwd")
    with pytest.raises(InvalidDigest):
        Hasher("md5")


@given(st.lists(st.binary(max_size=100)), st.integers(1, 40))
def test_pieces_read_as_one_stream(pieces: list[bytes], size: int) -> None:
    stream = reader(pieces)
    found = b""
    while data := stream.read(size):
        found += data
    assert found == b"".join(pieces)


def test_closing_the_stream_closes_what_makes_it() -> None:
    closed = []

    def pieces():  # type: ignore[no-untyped-def]
        try:
            yield b"x" * 10
            yield b"y" * 10
        finally:
            closed.append(True)

    stream = reader(pieces())
    stream.read(1)
    stream.close()
    assert closed == [True]


@given(st.binary(max_size=3000))
def test_right_bytes_pass(data: bytes) -> None:
    source = io.BytesIO(data)
    with verified(source, Digest.of(data), len(data)) as stream:
        assert stream.read() == data
    assert source.closed


@given(st.binary(max_size=100), st.binary(max_size=100), st.integers(0, 100))
def test_other_bytes_do_not(data: bytes, other: bytes, size: int) -> None:
    right = data == other and size == len(data)
    stream = verified(io.BytesIO(other), Digest.of(data), size, where="here")
    if right:
        assert stream.read() == data
        return
    with pytest.raises(DigestMismatch) as caught:
        stream.read()
    assert caught.value.where == "here"
    assert str(Digest.of(data)) in caught.value.message


def test_a_stream_without_an_end_is_left_early() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            Endless.given += size
            return bytes(size)

    with pytest.raises(DigestMismatch, match="has 10 bytes, and more than that come"):
        verified(Endless(), Digest.of(b""), 10).read()  # type: ignore[arg-type]
    assert Endless.given < 1 << 22


def test_both_sides_are_told() -> None:
    with pytest.raises(DigestMismatch) as caught:
        verified(io.BytesIO(b"hullo"), Digest.parse(HELLO), 5).read()
    assert caught.value.message == f"{HELLO} was named, and the bytes are {Digest.of(b'hullo')}"
    with pytest.raises(DigestMismatch, match="has 5 bytes, and only 4 came"):
        verified(io.BytesIO(b"hell"), Digest.parse(HELLO), 5).read()
