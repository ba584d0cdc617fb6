from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.engine.conversation import Turn, forms, transcript, turns
from cogsmith.errors import EngineError

TURNS = st.lists(
    st.builds(
        Turn, st.sampled_from(["system", "user", "assistant", "tool"]), st.text("ab", max_size=3)
    ),
    max_size=6,
)


def said(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def test_contents_are_texts_or_lists_of_parts() -> None:
    parts = [{"type": "image"}, {"type": "text", "text": "what"}, {"type": "text", "text": "now?"}]
    found = turns([said("developer", "Be brief."), said("user", parts), said("assistant", None)])
    assert found == (
        Turn("system", "Be brief."), Turn("user", "what\nnow?", images=1), Turn("assistant", ""),
    )  # fmt: skip


def test_what_else_a_message_has_goes_on_to_the_template() -> None:
    [turn] = turns([said("tool", "42", tool_call_id="a")])
    assert turn.message(parts=False) == said("tool", "42", tool_call_id="a")


def test_every_message_that_is_none_is_named() -> None:
    wrong: list[Any] = [
        said("user", "fine"), said("king", "x"), "text", said("user", 3),
        said("user", [{"type": "audio"}]), said("user", ["hi"]), {"content": "x"},
    ]  # fmt: skip
    with pytest.raises(EngineError) as caught:
        turns(wrong)
    assert [problem.where for problem in caught.value.problems] == [
        "messages[1].role", "messages[2]", "messages[3].content", "messages[4].content",
        "messages[5].content", "messages[6].role",
    ]  # fmt: skip


@given(TURNS)
def test_no_form_loses_a_word(conversation: list[Turn]) -> None:
    for form in forms(conversation):
        whole = "\n\n".join(turn.text for turn in form)
        assert whole.split() == "\n\n".join(turn.text for turn in conversation).split()


@given(TURNS)
def test_the_last_form_is_for_the_strictest(conversation: list[Turn]) -> None:
    *_, last = forms(conversation)
    roles = [turn.role for turn in last]
    assert set(roles) <= {"user", "assistant"}
    assert all(one != other for one, other in itertools.pairwise(roles))


def test_the_first_form_is_the_conversation() -> None:
    conversation = [Turn("system", "s"), Turn("user", "u")]
    first, second = forms(conversation)
    assert list(first) == conversation
    assert list(second) == [Turn("user", "s\n\nu")]


def test_a_transcript() -> None:
    conversation = [Turn("system", " Be kind. "), Turn("user", "Hi\n"), Turn("assistant", "")]
    assert transcript(conversation) == "Be kind.\n\nUser: Hi"
