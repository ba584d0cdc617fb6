"""FLAN-T5: a task in words, without a chat."""

from __future__ import annotations

from predictors import flan_t5
from tests.predictors.conversation import Conversation, declarations


def test_the_task_is_read_as_it_stands() -> None:
    talk = Conversation(flan_t5)
    talk.ask(prompt="translate English to German: Hello")
    assert talk.prompt == "translate English to German: Hello"


def test_a_task_kept_in_the_template() -> None:
    talk = Conversation(flan_t5)
    talk.ask(prompt="Hello", prompt_template="translate English to German: {prompt}")
    assert talk.prompt == "translate English to German: Hello"


def test_offers_no_system_prompt() -> None:
    assert "system_prompt" not in declarations(flan_t5)
