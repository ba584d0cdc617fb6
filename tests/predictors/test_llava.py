"""Llava: a picture goes to the engine with the prompt."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogsmith.errors import EngineError
from predictors import llava
from tests.predictors.conversation import Conversation


def test_the_picture_is_handed_on_encoded(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"\x89PNG cat")
    talk = Conversation(llava)
    talk.ask(prompt="What is this?", image=tmp_path / "cat.png")
    assert talk.request.images == (b"\x89PNG cat",)
    assert talk.request.token_ids.count(258) == 1  # the scripted tokenizer's <image>
    assert talk.metrics["input_token_count"] == len(talk.request.token_ids) + 3


def test_the_form_of_llava(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"\x89PNG")
    talk = Conversation(llava)
    talk.ask(prompt="What?", image=tmp_path / "cat.png", prompt_template="llava")
    assert talk.prompt == "USER: \nWhat? ASSISTANT:"


@pytest.mark.parametrize(("make", "words"), [(True, "is empty"), (False, "cannot be read")])
def test_a_picture_that_is_none(tmp_path: Path, make: bool, words: str) -> None:
    path = tmp_path / "cat.png"
    if make:
        path.touch()
    with pytest.raises(EngineError, match=words) as caught:
        Conversation(llava).ask(prompt="What is this?", image=path)
    assert caught.value.where == str(path)
