"""Templates: which lines stay, which are repeated, what is filled in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cogsmith.pipeline.template import filled

WORDS = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
PLAIN = st.lists(st.from_regex(r"[a-z:\- ${}\"|]{0,20}", fullmatch=True))


def test_a_condition_keeps_a_line_or_leaves_it_out() -> None:
    template = "a\nb  #? big\nc  #? !big\nd  #? big red\n"
    assert filled(template, {}, holds={"big"}, each={}) == "a\nb\n"
    assert filled(template, {}, holds={"big", "red"}, each={}) == "a\nb\nd\n"
    assert filled(template, {}, holds=(), each={}) == "a\nc\n"


def test_a_line_for_each_is_left_out_when_its_condition_is_not_so() -> None:
    """Whichever of the two is written first."""
    items = {"item": [{"n": "1"}, {"n": "2"}]}
    for template in ("- <n>  #? big item\n", "- <n>  #? item big\n"):
        assert filled(template, {}, holds={"big"}, each=items) == "- 1\n- 2\n"
        assert filled(template, {}, holds=(), each=items) == ""
        assert filled(template, {}, holds={"big"}, each={"item": []}) == ""


def test_a_comment_for_people_stays() -> None:
    assert filled("a # why\nb # why  #? so\n", {}, holds={"so"}, each={}) == "a # why\nb # why\n"


@given(lines=PLAIN, holds=st.sets(WORDS))
def test_what_has_no_mark_stays_as_it_is(lines: list[str], holds: set[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    assert filled(text, {}, holds=holds, each={}) == text


@given(word=WORDS, holds=st.sets(WORDS))
def test_of_a_condition_and_its_contrary_one_holds(word: str, holds: set[str]) -> None:
    text = filled(f"yes  #? {word}\nno  #? !{word}\n", {}, holds=holds, each={})
    assert text == ("yes\n" if word in holds else "no\n")
