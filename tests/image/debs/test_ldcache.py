"""The linker's cache: what ldconfig reads, and how names are ordered."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.image.debs.ldcache import _order, libraries, with_libraries
from cogsmith.image.debs.tree import Listed

HERE = Path("/etc/ld.so.cache")
needs_cache = pytest.mark.skipif(
    not (HERE.exists() and shutil.which("ldconfig")), reason="needs a Linux with ldconfig"
)


@needs_cache
def test_ldconfig_reads_what_we_write(tmp_path: Path) -> None:
    made = with_libraries(HERE.read_bytes(), [("libours.so.3", "/usr/lib/libours.so.3")], "amd64")
    assert made is not None
    (tmp_path / "cache").write_bytes(made)
    said = subprocess.run(
        ("ldconfig", "-C", str(tmp_path / "cache"), "-p"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "libours.so.3 (libc6,x86-64) => /usr/lib/libours.so.3" in said
    assert "libc.so.6 " in said


@needs_cache
def test_writing_is_stable() -> None:
    named = [("libb.so.1", "/usr/lib/libb.so.1"), ("liba.so.10", "/usr/lib/liba.so.10")]
    once = with_libraries(HERE.read_bytes(), named, "amd64")
    assert once is not None
    assert with_libraries(once, reversed(named), "amd64") == once


@pytest.mark.parametrize("cache", [b"", b"ld.so-1.7.0", b"glibc-ld.so.cache1.1" + b"\xff" * 40])
def test_a_cache_that_we_do_not_know_stays(cache: bytes) -> None:
    assert with_libraries(cache, [("liba.so", "/liba.so")], "amd64") is None


def test_numbers_count_by_value() -> None:
    names = [b"liba.so.10", b"liba.so.9", b"liba.so", b"liba-1.so"]
    assert _order(names[0], names[1]) > 0 > _order(names[1], names[0])
    assert _order(names[2], names[1]) < 0


@given(st.binary(max_size=8).map(lambda b: b.replace(b"\0", b"")), st.binary(max_size=8).map(
    lambda b: b.replace(b"\0", b"")
))  # fmt: skip
def test_the_order_has_two_sides(one: bytes, other: bytes) -> None:
    assert (_order(one, other) > 0) == (_order(other, one) < 0)


def test_links_name_libraries() -> None:
    folder = "usr/lib"
    listed = [
        Listed(path=f"{folder}/liba.so.1.2", kind="file", elf=True),
        Listed(path=f"{folder}/liba.so.1", kind="symlink", target="liba.so.1.2"),
        Listed(path=f"{folder}/libb-2.so", kind="file", elf=True),
        Listed(path=f"{folder}/libscript.so", kind="file"),
        Listed(path="opt/libc.so.1", kind="file", elf=True),
    ]
    assert libraries(listed, [folder]) == [
        ("liba.so.1", "/usr/lib/liba.so.1"), ("libb-2.so", "/usr/lib/libb-2.so"),
    ]  # fmt: skip
