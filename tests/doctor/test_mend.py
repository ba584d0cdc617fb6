"""Repairs are written whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.doctor import Change, mend
from cogsmith.doctor.source import Edit, parse_source
from cogsmith.errors import ConfigError


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cog.yaml").write_bytes(b"predict\r\n")
    (tmp_path / "predict.py").write_bytes(b"old")
    return tmp_path


CHANGES = (
    Change("run.py", b"new", new=True),
    Change("cog.yaml", b"run\r\n"),
    Change("predict.py", None),
)


def test_all_of_it_is_done(folder: Path) -> None:
    (folder / "cog.yaml").chmod(0o640)
    mend(folder, CHANGES)
    assert contents(folder) == {"run.py": b"new", "cog.yaml": b"run\r\n"}
    assert (folder / "cog.yaml").stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_there_already_keeps_its_place(folder: Path) -> None:
    (folder / "run.py").write_bytes(b"theirs")
    before = contents(folder)
    with pytest.raises(ConfigError, match=r"run\.py already exists"):
        mend(folder, reversed(CHANGES))  # the refusal comes last, when all else is done
    assert contents(folder) == before


@pytest.mark.parametrize("path", ["gone/x.py", "cog.yaml/x"])
def test_what_fails_leaves_everything_as_it_was(folder: Path, path: str) -> None:
    before = contents(folder)
    with pytest.raises(ConfigError, match="nothing was changed"):
        mend(folder, (*CHANGES, Change(path, b"x")))
    assert contents(folder) == before


def test_a_file_that_went_away_meanwhile(folder: Path) -> None:
    before = contents(folder)
    with pytest.raises(ConfigError):
        mend(folder, (*CHANGES, Change("never.py", None)))
    assert contents(folder) == before


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), min_size=2, max_size=6))
def test_bytes_beside_an_edit_stay(text: bytes, places: list[int]) -> None:
    source = parse_source(b"# " + text.hex().encode() + b"\nx = 1\n")
    assert source
    ends = sorted({min(place, len(source.data)) for place in places})
    edits = [Edit(a, b, b"|") for a, b in zip(ends[::2], ends[1::2], strict=False)]
    made = source.edited(edits)
    kept, place = b"", 0
    for edit in edits:
        kept, place = kept + source.data[place : edit.start] + b"|", edit.end
    assert made == kept + source.data[place:]


def test_a_mark_at_the_beginning_of_a_file_stays() -> None:
    source = parse_source("\ufeffclass A: ...\nA\n".encode())
    assert source
    node = source.tree.body[0]
    assert source.edited([source.named(node, "B")]) == "\ufeffclass B: ...\nA\n".encode()  # type: ignore[arg-type]
