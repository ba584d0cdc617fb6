from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from cogsmith.engine.prompt import Prompt, render, token_ids
from cogsmith.engine.scripted import ByteTokenizer
from cogsmith.engine.tokenizer import Message, TemplateRefusal
from cogsmith.errors import BadTemplate, EngineError


@dataclass(frozen=True)
class Chat:
    """A chat template in Python: role, colon, words; says no to roles it does not know."""

    roles: tuple[str, ...] = ("system", "user")
    parts: bool = False
    source: str = "{{ messages }} [INST]"

    def render(self, messages: Sequence[Message]) -> str:
        lines = []
        for message in messages:
            if message["role"] not in self.roles:
                raise TemplateRefusal(f"no role {message['role']}")
            lines.append(f"{message['role']}: {self.words(message['content'])}")
        return "\n".join(["<s>", *lines, "assistant:"])

    def words(self, content: object) -> str:
        if isinstance(content, str):
            return "" if self.parts else content.strip()
        assert isinstance(content, list)
        texts = ["<image>" if part["type"] == "image" else part["text"] for part in content]
        return "".join(texts) if self.parts else str(content)


def rendered(prompt: Prompt, chat: Chat | None = None) -> str:
    return render(prompt, ByteTokenizer(chat_template=chat)).text


def test_a_template_wins_over_the_chat_template() -> None:
    prompt = Prompt(text="hi", system="be brief", template="[{system_prompt}] {prompt}{{}}")
    assert rendered(prompt, Chat()) == "[be brief] hi{}"


def test_the_chat_template_wins_over_plain_completion() -> None:
    prompt = Prompt(text=" hi ", system="be brief")
    assert rendered(prompt, Chat()) == "<s>\nsystem: be brief\nuser: hi\nassistant:"


def test_plain_completion_ignores_the_system_prompt_and_says_so() -> None:
    plain = render(Prompt(text=" Once", system="be brief"), ByteTokenizer())
    assert plain.text == " Once"
    assert plain.note == "system prompt ignored: the model has no chat template"
    assert render(Prompt(text="Once", system=""), ByteTokenizer()).note == ""


def test_a_template_without_a_place_for_the_system_prompt_says_so() -> None:
    made = render(Prompt(text="hi", system="be brief", template="{prompt}"), ByteTokenizer())
    assert made.note == "system prompt ignored: the template has no place for it"


def test_a_refused_system_role_joins_the_user() -> None:
    prompt = Prompt(text="hi", system="be brief")
    assert rendered(prompt, Chat(roles=("user",))) == "<s>\nuser: be brief\n\nhi\nassistant:"


@pytest.mark.parametrize("text", ["<s>raw", "  <s>raw", "[INST] raw [/INST]"])
def test_text_in_its_final_form_is_left_alone(text: str) -> None:
    made = render(Prompt(text=text, system="x"), ByteTokenizer(chat_template=Chat()))
    assert made.text == text
    assert made.note == "system prompt ignored: the prompt has control tokens"


def test_a_control_token_further_in_is_no_final_form() -> None:
    assert rendered(Prompt(text="what is </s>?"), Chat()).startswith("<s>\nuser: what is")


@pytest.mark.parametrize("text", ["", " \n"])
def test_no_prompt(text: str) -> None:
    with pytest.raises(EngineError, match="prompt required") as caught:
        rendered(Prompt(text=text, system="be brief"))
    assert caught.value.code == "E1001"


@pytest.mark.parametrize(
    ("template", "code", "words"),
    [
        ("no place", "E1003", "has no {prompt}"),
        ('{"a": {prompt}}', "E1004", "cannot be filled in: it has"),
        ("{prompt", "E1004", "expected '}'"),
        ("{prompt} }", "E1004", "Single '}'"),
        ("{prompt.__class__}", "E1004", "it has {prompt.__class__}"),
        ("{prompt} {}", "E1004", "it has {}"),
        ("{prompt!r}", "E1004", "a conversion"),
        ("{prompt:>99999999}", "E1004", "a format"),
    ],
)
def test_broken_templates(template: str, code: str, words: str) -> None:
    with pytest.raises(BadTemplate) as caught:
        rendered(Prompt(text="hi", template=template))
    assert words in str(caught.value)
    assert caught.value.code == code
    assert caught.value.where == "prompt_template"
    if code == "E1004":
        assert "{{" in caught.value.hint


def test_a_chat_template_that_takes_nothing() -> None:
    with pytest.raises(BadTemplate, match="no role user") as caught:
        rendered(Prompt(text="hi"), Chat(roles=()))
    assert caught.value.code == "E1004"


def test_an_image_takes_its_place_before_the_words() -> None:
    seen = Prompt(text="what is it?", images=1)
    assert rendered(seen) == "<image>\nwhat is it?"
    assert rendered(seen, Chat()) == "<s>\nuser: <image>\nwhat is it?\nassistant:"
    assert rendered(seen, Chat(parts=True)) == "<s>\nuser: <image>what is it?\nassistant:"
    assert rendered(Prompt(text="a", template="USER: {prompt}", images=1)) == "USER: <image>\na"


def test_an_image_that_has_its_place_gets_no_second() -> None:
    assert rendered(Prompt(text="see <image>: what?", images=1)) == "see <image>: what?"


def test_templates_that_read_parts_get_parts_without_images_too() -> None:
    made = rendered(Prompt(text="hi", system="be brief"), Chat(parts=True))
    assert made == "<s>\nsystem: be brief\nuser: hi\nassistant:"


@pytest.mark.parametrize("template", [None, "{prompt}", "<s>{prompt}"])
@pytest.mark.parametrize("chat", [None, Chat()])
def test_one_begin_token(template: str | None, chat: Chat | None) -> None:
    tokenizer = ByteTokenizer(chat_template=chat)
    ids = token_ids(render(Prompt(text="hi", template=template), tokenizer), tokenizer)
    assert ids.count(256) == 1
    assert ids[0] == 256
