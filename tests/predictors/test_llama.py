"""Llama: the system prompt's ways to the model."""

from __future__ import annotations

import pytest

from cogsmith.engine import ScriptedEngine, scripted_model
from cogsmith.errors import EngineError, PromptTooLong
from predictors import llama
from tests.predictors.conversation import Conversation


def test_without_a_chat_template_the_prompt_is_completed() -> None:
    talk = Conversation(llama)
    talk.ask(prompt="Once upon a time")
    assert talk.prompt == "Once upon a time"


def test_a_form_by_name() -> None:
    talk = Conversation(llama)
    talk.ask(prompt="Hello", system_prompt="Be brief.", prompt_template="llama-2")
    assert talk.prompt == "[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHello [/INST]"


def test_the_config_s_template_where_the_request_has_none() -> None:
    talk = Conversation(llama, template="llama-2")
    talk.ask(prompt="Hello")
    assert talk.prompt == "[INST] Hello [/INST]"


def test_the_request_s_template_wins() -> None:
    talk = Conversation(llama, template="llama-2")
    talk.ask(prompt="Hello", prompt_template="plain")
    assert talk.prompt == "Hello"


def test_no_prompt() -> None:
    with pytest.raises(EngineError, match="prompt required") as caught:
        Conversation(llama).ask(prompt="  ")
    assert caught.value.code == "E1001"


def test_a_prompt_longer_than_the_context() -> None:
    model = scripted_model()
    engine = model.engine
    assert isinstance(engine, ScriptedEngine)
    engine.capabilities = type(engine.capabilities)(max_context=8)
    with pytest.raises(PromptTooLong) as caught:
        Conversation(llama, model).ask(prompt="nine bytes")
    assert caught.value.code == "E1002"
