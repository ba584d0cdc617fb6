"""Include and exclude: as .gitignore has it, which git itself confirms."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.errors import WeightsError
from cogsmith.weights.patterns import choose, matches

PATHS = (
    "config.json", "model.bin", "model-1.bin", "README.md", "onnx/model.onnx", "onnx/a/b.json",
    "a/onnx/x.json", "[odd]/a.bin", "deep/er/still/w.safetensors", ".gitattributes", "#hash",
)  # fmt: skip
PATTERNS = (
    "*.bin", "*.json", "onnx/", "onnx", "/onnx", "onnx/*.json", "onnx/**", "**/onnx", "**/*.json",
    "a/**/x.json", "model-?.bin", "model-[0-9].bin", "model-[!0-9].bin", "deep/*/w.safetensors",
    "deep/**/w.safetensors", "er", "README.*", "*", "/*", "*/", "#hash", r"\#hash", "", ".git*",
    r"\[odd\]", "config.json/", "still/w.safetensors",
)  # fmt: skip


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working tree with all the paths."""
    root = tmp_path_factory.mktemp("patterns")
    subprocess.run(["git", "init", "-q", root], check=True)
    for path in PATHS:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("")
    return root


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("pattern", PATTERNS, ids=range(len(PATTERNS)))
def test_git_agrees(pattern: str, repository: Path) -> None:
    (repository / ".git" / "info" / "exclude").write_text(pattern + "\n")
    asked = subprocess.run(
        ["git", "-C", repository, "check-ignore", "--no-index", "--stdin", "-z"],
        input="\0".join(PATHS), capture_output=True, text=True, check=False,
    )  # fmt: skip
    ignored = set(asked.stdout.split("\0")) - {""}
    assert {path for path in PATHS if matches(path, [pattern])} == ignored


def test_an_include_takes_only_what_it_names_and_an_exclude_wins() -> None:
    chosen = choose(PATHS, ["*.json", "*.bin"], ["onnx/"])
    assert chosen.taken == ("[odd]/a.bin", "config.json", "model-1.bin", "model.bin")
    assert set(chosen.taken) | set(chosen.left) == set(PATHS)


def test_a_later_pattern_takes_back() -> None:
    assert choose(["a.bin", "keep.bin"], [], ["*.bin", "!keep.bin"]).taken == ("keep.bin",)


def test_nothing_left_is_an_error_that_shows_patterns_and_files() -> None:
    with pytest.raises(WeightsError) as caught:
        choose(["a.bin", "b.bin"], ["*.json"], ["x"])
    assert "matched zero files out of 2" in caught.value.message
    assert "include: *.json; exclude: x" in caught.value.message
    assert "a.bin, b.bin" in caught.value.hint


@given(
    st.lists(st.text("ab/.", min_size=1, max_size=8), max_size=6),
    st.lists(st.text("ab*?/[]!#\\ ", max_size=6), max_size=3),
    st.lists(st.text("ab*?/[]!#\\ ", max_size=6), max_size=3),
)
def test_every_path_is_taken_or_left_whatever_the_patterns(
    paths: list[str], include: list[str], exclude: list[str]
) -> None:
    try:
        chosen = choose(paths, include, exclude)
    except WeightsError:
        assert not any(
            (not include or matches(p, include)) and not matches(p, exclude) for p in paths
        )
    else:
        assert sorted((*chosen.taken, *chosen.left)) == sorted(paths)
