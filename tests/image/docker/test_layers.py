"""What becomes of layers that steps made: owners below the home, and byte code that is old."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from cogsmith.errors import InvalidLayer
from cogsmith.image.docker.layers import Sources, given

HOME = ("home/cog", 1000, 1001)
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def archived(members: list[tuple[str, int, bytes]], form: int, **fields: Any) -> bytes:
    """An archive of files: path, owner, content."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=form) as archive:
        for path, uid, content in members:
            info = tarfile.TarInfo(path)
            info.size, info.uid, info.gid = len(content), uid, uid
            info.pax_headers = fields if form == tarfile.PAX_FORMAT else {}
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def read(data: bytes) -> list[tuple[str, int, int, bytes]]:
    found = []
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for info in archive:
            file = archive.extractfile(info)
            found.append((info.name, info.uid, info.gid, file.read() if file else b""))
    return found


def changed(data: bytes) -> bytes:
    return b"".join(given(io.BytesIO(data), HOME))


PATHS = st.sampled_from([
    "home/cog/.cache/x", "home/cog2/x", "./home/cog/y", "opt/home/cog/z", "home/cog",
    "home/cog/" + "d/" * 60 + "é" * 50, "srv/" + "e" * 150, "home/cog/" + "f" * 180,
])  # fmt: skip


@for_all(
    st.lists(st.tuples(PATHS, st.sampled_from([0, 33]), st.binary(max_size=1500)), max_size=5),
    st.sampled_from(sorted(FORMATS)),
)
def test_only_owners_change_and_only_of_what_root_left_in_the_home(
    members: list[tuple[str, int, bytes]], form: str
) -> None:
    try:
        data = archived(members, FORMATS[form])
    except ValueError:
        return  # a path that this format cannot say
    expected = []
    for path, uid, gid, content in read(data):
        mine = uid == 0 and path.removeprefix("./").startswith("home/cog/")
        expected.append((path, *((1000, 1001) if mine else (uid, gid)), content))
    assert read(changed(data)) == expected


@for_all(st.lists(st.tuples(st.just("srv/x"), st.just(0), st.binary(max_size=600)), max_size=3))
def test_elsewhere_no_byte_changes(members: list[tuple[str, int, bytes]]) -> None:
    data = archived(members, tarfile.PAX_FORMAT, **{"SCHILY.xattr.user.x": "kept"})
    assert changed(data) == data


@pytest.mark.parametrize("cut", [700, 1100])
def test_an_archive_that_ends_too_early_is_refused(cut: int) -> None:
    data = archived([("home/cog/x", 0, bytes(1500))], tarfile.USTAR_FORMAT)
    with pytest.raises(InvalidLayer, match="too early"):
        changed(data[:cut])


def stale(*layers: list[str]) -> tuple[str, ...]:
    sources = Sources("opt/venv/lib/python3.11/site-packages", "3.11")
    for layer in layers:
        sources.lay(f"opt/venv/lib/python3.11/site-packages/{path}" for path in layer)
    prefix = "opt/venv/lib/python3.11/site-packages/"
    return tuple(path.removeprefix(prefix) for path in sources.stale)


def test_the_byte_code_of_a_changed_source_is_old() -> None:
    assert stale(["a/b.py", "a/data.txt"]) == ("a/__pycache__/b.cpython-311.pyc",)


def test_unless_the_step_made_it_anew() -> None:
    assert stale(["a/b.py", "a/__pycache__/b.cpython-311.pyc"]) == ()
    assert stale(["a/b.py"], ["a/__pycache__/b.cpython-311.pyc"]) == ()


def test_sources_elsewhere_are_not_looked_at() -> None:
    sources = Sources("opt/venv/lib/python3.11/site-packages", "3.11")
    sources.lay(["srv/x.py", "usr/lib/python3.11/os.py"])
    assert sources.stale == ()
