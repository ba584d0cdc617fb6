"""Messages: how a model that takes a list, and one that takes a prompt, are told of them."""

from __future__ import annotations

import pytest

from cogsmith.signature import Signature, check
from tests.signature.sources import signature

from .models import BARE, OLDER, OURS, SEEING, dialect, refused, user

TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Hi!"},
    {"role": "user", "content": "How are you?"},
]
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}}
WORDS = {"type": "text", "text": "What is this?"}


def asked(messages: list[object], model: Signature = OURS) -> dict[str, object]:
    (inputs,) = dialect(model).chat({"messages": messages}, id="1").inputs
    assert check(model, inputs) == ()
    return dict(inputs)


def test_a_model_that_takes_conversations_gets_the_whole_list() -> None:
    assert asked([*TALK]) == {
        "messages": TALK,
        "prompt": "How are you?",
        "system_prompt": "Be brief.",
    }


def test_a_single_question_is_the_bare_prompt() -> None:
    talk = [TALK[0], TALK[1]]
    assert asked([*talk], OLDER) == {"prompt": "Hello", "system_prompt": "Be brief."}


def test_without_a_place_for_it_the_system_prompt_comes_first() -> None:
    assert asked([TALK[0], TALK[1]], BARE) == {"prompt": "Be brief.\n\nHello"}


def test_several_turns_are_a_transcript() -> None:
    said = "User: Hello\n\nAssistant: Hi!\n\nUser: How are you?\n\nAssistant:"
    assert asked([*TALK], OLDER) == {"prompt": said, "system_prompt": "Be brief."}
    assert asked([*TALK], BARE) == {"prompt": f"Be brief.\n\n{said}"}


def test_the_models_own_system_prompt_holds_where_none_is_given() -> None:
    assert asked([TALK[1]], OLDER) == {"prompt": "Hello"}


def test_developers_are_the_system_and_several_of_them_add_up() -> None:
    talk = [TALK[0], {"role": "developer", "content": "Rhyme."}, TALK[1]]
    assert asked([*talk], OLDER)["system_prompt"] == "Be brief.\n\nRhyme."
    assert asked([*talk])["messages"] == [TALK[0], {"role": "system", "content": "Rhyme."}, TALK[1]]


def test_instructions_alone_are_the_question() -> None:
    assert asked([TALK[0]], OLDER) == {"prompt": "Be brief."}
    assert asked([TALK[0]])["messages"] == [{"role": "user", "content": "Be brief."}]


def test_texts_in_parts_are_lines() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert asked([{"role": "user", "content": parts}], BARE) == {"prompt": "one\ntwo"}


def test_an_answer_of_the_official_client_can_be_sent_back() -> None:
    """``message.model_dump()`` has a key for everything, most of them null."""
    answer = {
        "role": "assistant", "content": "Hi!", "refusal": None, "annotations": None, "audio": None,
        "function_call": None, "tool_calls": None,
    }  # fmt: skip
    assert asked([TALK[1], answer, TALK[3]])["messages"] == TALK[1:]


def test_a_refusal_is_what_the_assistant_said() -> None:
    refusal = {"role": "assistant", "content": None, "refusal": "No."}
    part = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    said = {"role": "assistant", "content": "No."}
    assert asked([TALK[1], refusal])["messages"] == [TALK[1], said]
    assert asked([TALK[1], part])["messages"] == [TALK[1], said]


@pytest.mark.parametrize(
    "url", ["data:image/png;base64,iVBORw==", "https://example.com/a.png", "http://example.com/a"]
)
def test_a_picture_goes_to_the_input_for_it(url: str) -> None:
    picture = {"type": "image_url", "image_url": {"url": url, "detail": "low"}}
    talk = [{"role": "user", "content": [picture, WORDS]}]
    assert asked([*talk], SEEING) == {"prompt": "What is this?", "image": url}


def test_chat_templates_are_told_where_the_picture_was() -> None:
    model = signature(
        "prompt: str, messages: list[dict] | None = None, "
        "pics: list[Path] = Input(accept='image/*')"
    )
    talk = [{"role": "user", "content": [PICTURE, WORDS]}, {"role": "user", "content": [PICTURE]}]
    url = PICTURE["image_url"]["url"]  # type: ignore[index]
    assert asked([*talk], model) == {
        "prompt": "",
        "messages": [
            {"role": "user", "content": [{"type": "image"}, WORDS]},
            {"role": "user", "content": [{"type": "image"}]},
        ],
        "pics": [url, url],
    }


def test_pictures_are_refused_where_the_model_takes_none_or_one() -> None:
    error = refused({"messages": [{"role": "user", "content": [WORDS, PICTURE]}]})
    assert (error.message, error.where) == ("this model takes no images", "messages")
    error = refused({"messages": [{"role": "user", "content": [PICTURE, PICTURE]}]}, SEEING)
    assert error.message == "this model takes one image, not 2"


def test_a_picture_that_the_model_needs_is_asked_for() -> None:
    error = refused(user("What is this?"), SEEING)
    assert (error.message, error.where) == ("this model needs it", "image")
    assert "image_url" in error.hint


@pytest.mark.parametrize("url", ["file:///etc/passwd", "/etc/passwd", "data:text/plain,hi", "", 3])
def test_only_pictures_of_the_web_or_in_the_request_are_taken(url: object) -> None:
    picture = {"type": "image_url", "image_url": {"url": url}}
    error = refused({"messages": [{"role": "user", "content": [picture]}]}, SEEING)
    assert error.where == "messages[0].content[0].image_url.url"


@pytest.mark.parametrize(
    ("messages", "where"),
    [
        (None, "messages"),
        ([], "messages"),
        ("hi", "messages"),
        (["hi"], "messages[0]"),
        ([{"content": "hi"}], "messages[0].role"),
        ([{"role": ["user"], "content": "hi"}], "messages[0].role"),
        ([{"role": "tool", "content": "hi", "tool_call_id": "1"}], "messages[0].role"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": []}], "messages[0].content"),
        ([{"role": "user", "content": 3}], "messages[0].content"),
        ([{"role": "user", "content": ["hi"]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"type": "text"}]}], "messages[0].content[0].text"),
        ([{"role": "user", "content": [{"type": "file"}]}], "messages[0].content[0].type"),
        ([{"role": "user", "content": [{"type": "input_audio"}]}], "messages[0].content[0].type"),
        ([{"role": "user", "content": [{"type": "refusal"}]}], "messages[0].content[0].refusal"),
        ([TALK[1], {"role": "assistant", "tool_calls": [{}]}], "messages[1].tool_calls"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_its_place(messages: object, where: str) -> None:
    error = refused({"messages": messages})
    assert (error.where, error.status) == (where, 400)


def test_what_the_model_says_of_a_prompt_is_told_of_the_messages() -> None:
    error = refused(user(""), BARE)
    assert (error.where, error.message) == ("messages", "must have at least 1 characters, got 0")
