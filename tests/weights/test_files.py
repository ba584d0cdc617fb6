"""Files of a weight: which may be packed, and the name of a whole set."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.oci import Digest
from cogsmith.weights import WeightFile, set_digest
from cogsmith.weights.files import path_problems

PATHS = st.text("abc/._-0ü", min_size=1, max_size=12)


def file(path: str, data: bytes = b"x") -> WeightFile:
    return WeightFile(path, len(data), Digest.of(data))


def test_a_set_is_named_as_sha256sum_would_name_it(tmp_path: Path) -> None:
    contents = {"b.bin": b"first", "a/config.json": b"{}", "c.txt": b"third"}
    for path, data in contents.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    printed = subprocess.run(
        ["sha256sum", *contents], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    told = "\n".join(sorted(printed.splitlines()))
    files = [file(path, data) for path, data in contents.items()]
    assert set_digest(files).hex == hashlib.sha256(told.encode()).hexdigest()


@given(st.dictionaries(PATHS, st.binary(max_size=3), min_size=1), st.randoms())
def test_the_order_of_files_does_not_matter(contents: dict[str, bytes], chance: object) -> None:
    files = [file(path, data) for path, data in contents.items()]
    shuffled = sorted(files, key=lambda _: chance.random())  # type: ignore[attr-defined]
    assert set_digest(shuffled) == set_digest(files)


@given(st.dictionaries(PATHS, st.binary(max_size=3), min_size=1))
def test_one_byte_or_one_name_more_is_another_set(contents: dict[str, bytes]) -> None:
    files = [file(path, data) for path, data in contents.items()]
    other = [file(files[0].path, contents[files[0].path] + b"!"), *files[1:]]
    renamed = [file(files[0].path + "x", contents[files[0].path]), *files[1:]]
    assert len({set_digest(files), set_digest(other), set_digest(renamed)}) == 3


@pytest.mark.parametrize("path", ["config.json", "a/b/c.bin", "größe/ü.txt", "a b", ".gitignore"])
def test_these_may_be_packed(path: str) -> None:
    assert path_problems([path]) == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/etc/passwd", "not a path inside"), ("a//b", "not a path inside"),
        ("../a", "not a path inside"), ("a/./b", "not a path inside"), ("", "not a path inside"),
        ("a\\b", "backslash"), ("a\nb", "control character"), ("a\0b", "control character"),
        ("a/.wh.b", "deletion"), (".wh..wh..opq", "deletion"), (".cog/ready", ".cog"),
        ("a\udcff", "UTF-8"),
    ],
    ids=range(12),
)  # fmt: skip
def test_these_may_not(path: str, said: str) -> None:
    (problem,) = path_problems([path])
    assert said in problem.message
    problem.where.encode()
