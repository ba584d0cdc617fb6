"""Mistral and Mixtral: one predictor, two configs, no system role."""

from __future__ import annotations

from pathlib import Path

from cogsmith.config import load
from predictors import mistral
from tests.predictors.conversation import Conversation

ROOT = Path(__file__).parents[2]


def test_the_system_prompt_stands_in_the_users_turn() -> None:
    talk = Conversation(mistral)
    talk.ask(prompt="Hello", system_prompt="Be brief.", prompt_template="mistral")
    assert talk.prompt == "[INST] Be brief.\n\nHello [/INST]"


def test_mixtral_differs_by_its_weights_alone() -> None:
    one, other = (load(ROOT / f"cog.{name}.yaml").config for name in ("mistral", "mixtral"))
    assert one.variables() != other.variables()
    assert one.model_copy(update={"environment": other.environment}) == other
