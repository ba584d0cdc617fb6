from __future__ import annotations

import pytest

from cogsmith.errors import ConfigError
from cogsmith.image.ignore import Ignore

FILES = (
    "README.md", "a-b", "a.b", "a/b/c/g.md", "a/b/f.txt", "a/f.txt", "barfoo", "d/.hid/q",
    "d/1.txt", "d/[1].txt", "f.txt", "foo", "x/barfoo", "x/foo",
)  # fmt: skip


def left(text: str) -> set[str]:
    ignore = Ignore.parse(text)
    return {path for path in FILES if not ignore.skips(path)}


# Each was compared with what `COPY . /` of docker build puts into an image (engine 20.10).
@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("a", {"a/b/c/g.md", "a/b/f.txt", "a/f.txt"}),
        ("/a/f.txt", {"a/f.txt"}),
        ("a/../x", {"x/barfoo", "x/foo"}),
        ("a\n!a/b\na/b/c", {"a/b/c/g.md", "a/f.txt"}),
        ("**/f.txt", {"a/b/f.txt", "a/f.txt", "f.txt"}),
        ("*.txt", {"f.txt"}),
        ("a/*", {"a/b/c/g.md", "a/b/f.txt", "a/f.txt"}),
        ("a/**", {"a/b/c/g.md", "a/b/f.txt", "a/f.txt"}),
        ("a**", {"a-b", "a.b", "a/b/c/g.md", "a/b/f.txt", "a/f.txt"}),
        ("a/**/g.md", {"a/b/c/g.md"}),
        ("**/foo", {"foo", "x/foo"}),
        ("?oo", {"foo"}),
        ("a.b", {"a.b"}),
        ("**/*.md\n!README.md", {"a/b/c/g.md"}),
        ("d/\\[1].txt", {"d/[1].txt"}),
        ("d/[0-9].txt", {"d/1.txt"}),
        ("x/foo \n  # no\n#c\n!x", set()),
        ("", set()),
    ],
)
def test_docker_s_rules(text: str, out: set[str]) -> None:
    assert set(FILES) - left(text) == out


def test_two_stars_before_a_name_are_any_beginning() -> None:
    """As Docker's engine since 23 (moby/patternmatcher)."""
    assert set(FILES) - left("**foo") == {"barfoo", "foo", "x/barfoo", "x/foo"}


def test_what_is_brought_back_can_lie_anywhere() -> None:
    assert left("**\n!**/f.txt") == {"a/b/f.txt", "a/f.txt", "f.txt"}
    assert left("*\n!a/b/f.txt") == {"a/b/f.txt"}


def test_a_skipped_folder_is_entered_only_where_something_may_come_back() -> None:
    assert Ignore.parse("a").skips_all_below("a")
    ignore = Ignore.parse("a\nb\n!a/b/f.txt")
    assert not ignore.skips_all_below("a")
    assert ignore.skips_all_below("b")
    assert not Ignore.parse("a\n!**/f").skips_all_below("a")


@pytest.mark.parametrize(
    "path",
    [".git/HEAD", "pkg/__pycache__/a.pyc", "a.pyc", ".venv/x", "pylock.toml", "pylock.llama.toml"],
)
def test_what_no_container_needs_stays_out_unless_brought_back(path: str) -> None:
    assert Ignore.parse("").skips(path)
    assert not Ignore.parse(f"!{path}").skips(path)


@pytest.mark.parametrize("text", ["[", "a[b-", "!", "a\\", "[]"])
def test_what_is_no_pattern_is_said_with_its_line(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Ignore.parse(f"fine\n{text}\n[")
    assert [problem.where for problem in caught.value.problems] == [
        ".dockerignore:2", ".dockerignore:3",
    ]  # fmt: skip
