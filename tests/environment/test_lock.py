"""The lock's own table, and what the document must be."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import Pylock, is_valid_pylock_path

from cogsmith.environment.load import lock_path, save_lock
from cogsmith.environment.lock import answers, parse, render
from cogsmith.environment.requirements import Requirements
from cogsmith.environment.target import Target
from cogsmith.environment.toml_document import render as render_toml
from cogsmith.errors import LockError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TARGET = Target(python="3.11", platform="linux-x86_64", accelerator="cuda")
ASKED = Requirements(
    packages=("numpy", "torch==2.0"), constraints=("numpy<3",), overrides=("idna==3",),
    options=("--extra-index-url https://me:sesame@host/simple",),
)  # fmt: skip
DOCUMENT = {
    "lock-version": "1.0",
    "created-by": "uv",
    "requires-python": ">=3.11",
    "packages": [
        {
            "name": "numpy",
            "version": "2.0",
            "wheels": [
                {
                    "url": "https://host/numpy-2.0-py3-none-any.whl",
                    "upload-time": datetime(2026, 1, 2, tzinfo=timezone.utc),
                    "size": 10,
                    "hashes": {"sha256": "a" * 64},
                },
                {"path": "wheels/numpy-2.0-py3-none-any.whl", "hashes": {"sha256": "b" * 64}},
            ],
        },
        {"name": "mine", "directory": {"path": "lib", "editable": True}},
    ],
}
LOCK = render(DOCUMENT, answers(ASKED, TARGET), made_by="0.1.0", resolved_by="uv 0.9")


def test_a_lock_is_a_document_of_pep_751_and_says_what_it_answers() -> None:
    document = tomllib.loads(LOCK)
    Pylock.from_dict(document)
    assert document["packages"] == DOCUMENT["packages"]
    assert document["tool"]["cogsmith"]["requirements"] == [
        "--extra-index-url https://host/simple", "constraint numpy<3", "numpy",
        "override idna==3", "torch==2.0",
    ]  # fmt: skip
    assert "sesame" not in LOCK


def test_a_lock_reads_as_it_was_written() -> None:
    lock = parse(LOCK, where="pylock.toml")
    assert lock.answers == answers(ASKED, TARGET)
    assert [(pin.name, pin.version) for pin in lock.pins] == [("numpy", "2.0"), ("mine", "")]
    assert lock.tool["resolver"] == "uv 0.9"
    assert lock.local_paths() == ("wheels/numpy-2.0-py3-none-any.whl", "lib")


def test_a_lock_of_another_tool_answers_nothing() -> None:
    foreign = parse(LOCK.partition("[tool.cogsmith]")[0], where="pylock.toml")
    assert foreign.answers is None
    assert foreign.tool == {}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('lock-version = "1.0"', "lock-version =", "is not a lock"),
        ('lock-version = "1.0"', 'lock-version = "2.0"', "is not a lock"),
        ('name = "numpy"', 'name = "Num_Py"', "is not a lock"),
        ("format = 1", "format = 2", "this version reads 1"),
        ('"numpy",\n', "", "was edited"),
        ('python = "3.11"', 'python = "3.12"', "was edited"),
        ('python = "3.11"', "", "lacks 'python'"),
        ("requirements =", "others =", "lacks 'requirements'"),
    ],
)
def test_what_is_no_lock_says_where_why_and_what_to_do(old: str, new: str, message: str) -> None:
    assert old in LOCK
    with pytest.raises(LockError, match=message) as caught:
        parse(LOCK.replace(old, new), where="pylock.toml")
    assert caught.value.where == "pylock.toml"
    assert "cogsmith lock" in caught.value.hint


def test_the_digest_is_of_what_gets_installed() -> None:
    lock = parse(LOCK, where="")
    moved = parse(
        LOCK.replace("https://host/n", "https://mirror/n").replace("uv 0.9", "uv 1"), where=""
    )
    other = parse(LOCK.replace("a" * 64, "c" * 64), where="")
    assert lock.digest() == moved.digest()
    assert len({lock.digest(), lock.digest("3.12"), other.digest()}) == 3


def test_the_checksum_is_known() -> None:
    """A golden value: another one would make every lock out there stale."""
    assert answers(ASKED, TARGET).checksum == (
        "sha256:ec09677f7a7197a5237689674ebe9b71b89d41193340429b0ed243e7c2a8269b"
    )


def test_credentials_play_no_part_in_the_checksum() -> None:
    other = Requirements(
        packages=ASKED.packages, constraints=ASKED.constraints, overrides=ASKED.overrides,
        options=("--extra-index-url https://you:other@host/simple",),
    )  # fmt: skip
    assert answers(other, TARGET) == answers(ASKED, TARGET)


@pytest.mark.parametrize(
    ("config", "lock"),
    [
        ("cog.yaml", "pylock.toml"),
        ("cog.flan-t5.yaml", "pylock.flan-t5.toml"),
        ("cog.v1.5.yaml", "pylock.v1-5.toml"),
        ("other.yaml", "pylock.other.toml"),
    ],
)
def test_each_config_has_its_lock(config: str, lock: str) -> None:
    assert lock_path(Path(config)) == Path(lock)
    assert is_valid_pylock_path(Path(lock))


def test_a_lock_is_written_whole_and_leaves_nothing_beside(tmp_path: Path) -> None:
    save_lock(tmp_path / "new" / "pylock.toml", LOCK)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["pylock.toml"]
    (tmp_path / "file").touch()
    with pytest.raises(LockError, match="cannot be written"):
        save_lock(tmp_path / "file" / "pylock.toml", LOCK)


KEYS = st.text(min_size=1, max_size=8)
SCALARS = st.one_of(
    st.text(), st.integers(-(2**63), 2**63 - 1), st.booleans(),
    st.datetimes(timezones=st.just(timezone.utc)),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_toml_reads_as_it_was_written(document: dict[str, object]) -> None:
    assert tomllib.loads(render_toml(document)) == document
