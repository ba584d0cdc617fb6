"""docs/reference/openai.md: what it says of every parameter is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai.types import completion_create_params
from openai.types.chat import completion_create_params as chat_create_params

from cogsmith.runtime.openai import ApiError, Asked
from cogsmith.signature import Signature

from .models import BARE, OURS, dialect, refused

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "openai.md"
HI = [{"role": "user", "content": "hi"}]
VALUES: dict[str, object] = {
    "best_of": 5, "echo": True, "frequency_penalty": 0.5, "logit_bias": {"1": 5}, "logprobs": True,
    "max_completion_tokens": 5, "max_tokens": 5, "messages": [*HI, *HI], "modalities": ["audio"],
    "n": 2, "presence_penalty": 0.5, "prompt": ["a", "b"], "seed": 3, "stop": "x", "stream": True,
    "response_format": {"type": "json_object"}, "stream_options": {"include_usage": True},
    "suffix": "x", "temperature": 0.5, "tool_choice": "required", "top_logprobs": 3, "top_p": 0.5,
}  # fmt: skip
NEED_ANOTHER = {"top_logprobs": {"logprobs": True}, "stream_options": {"stream": True}}
WORDS = {"false": False, "empty": "", '["text"]': ["text"], '{"type": "text"}': {"type": "text"}}


def rows(heading: str) -> dict[str, tuple[str, str]]:
    """What each parameter below a heading is, and needs."""
    section = PAGE.read_text("utf-8").split(f"\n### {heading}\n")[1].split("\n##")[0]
    cells = [
        re.split(r" *\| *", line.strip("| ")) for line in section.splitlines() if line[:3] == "| `"
    ]
    return {name.strip("`"): (verdict, "".join(rest)) for name, verdict, *rest in cells}


def official(module: Any) -> set[str]:
    names = set(module.CompletionCreateParamsBase.__annotations__)
    return names | set(module.CompletionCreateParamsStreaming.__annotations__)


CHAT, COMPLETIONS = rows("Chats"), rows("Completions")
PAGES = (("chat", CHAT), ("completion", COMPLETIONS))
EACH = [
    pytest.param(endpoint, name, *row, id=f"{endpoint}-{name}")
    for endpoint, page in PAGES
    for name, row in page.items()
]


def ask(endpoint: str, parameters: dict[str, object], model: Signature = OURS) -> Asked:
    if endpoint == "chat":
        return dialect(model).chat({"messages": HI} | parameters, id="1")
    return dialect(model).completion({"prompt": "hi"} | parameters, id="1")


def test_every_official_parameter_has_its_row() -> None:
    assert CHAT.keys() == official(chat_create_params)
    assert COMPLETIONS.keys() == official(completion_create_params)


@pytest.mark.parametrize(("endpoint", "name", "verdict", "needs"), EACH)
def test_a_parameter_is_what_its_row_says(
    endpoint: str, name: str, verdict: str, needs: str
) -> None:
    beside: dict[str, object] = {**NEED_ANOTHER.get(name, {})}
    value = VALUES.get(name, {"some": "thing"})
    if (endpoint, name) == ("completion", "logprobs"):
        value = 3
    if verdict == "refused":
        with pytest.raises(ApiError) as caught:
            ask(endpoint, {name: value})
        assert caught.value.where == name
        assert needs.startswith(("always", "an input of that name"))
    elif verdict == "ignored":
        assert ask(endpoint, {name: value}) == ask(endpoint, {})
    elif name == "model":
        assert (verdict, ask(endpoint, {name: "stories"})) == ("supported", ask(endpoint, {}))
    else:
        assert verdict == "supported"
        assert ask(endpoint, {**beside, name: value}) != ask(endpoint, beside)


def in_brackets() -> Iterator[tuple[str, str, object]]:
    """The values that ask for nothing: endpoint, parameter, value."""
    for endpoint, page in PAGES:
        for name, (_, needs) in page.items():
            found = re.search(r"\((.+?)\)", needs)
            for text in re.findall(r"`([^`]+)`", found[1]) or [found[1]] if found else []:
                yield endpoint, name, WORDS.get(text, int(text) if text.isdecimal() else text)


@pytest.mark.parametrize(("endpoint", "name", "value"), [*in_brackets()])
def test_without_the_input_the_value_in_brackets_is_taken(
    endpoint: str, name: str, value: object
) -> None:
    assert ask(endpoint, {name: value}, BARE) == ask(endpoint, {}, BARE)


@pytest.mark.parametrize("name", ["logprobs", "temperature", "top_p", "frequency_penalty", "seed"])
def test_what_a_supported_parameter_needs_it_needs(name: str) -> None:
    assert f"`{name}`" in CHAT[name][1]
    error = refused({"messages": HI, name: VALUES[name]}, BARE)
    assert (error.where, error.code) == (name, "unsupported_parameter")


def test_every_code_of_an_error_has_its_row() -> None:
    section = PAGE.read_text("utf-8").split("\n## Errors\n")[1].split("\n## ")[0]
    told = {
        code for line in section.splitlines() for code in re.findall(r"`(\w+_\w+|canceled)`", line)
    }
    source = Path(__file__).parents[3] / "cogsmith" / "runtime" / "openai"
    used = {
        code
        for path in source.glob("*.py")
        for code in re.findall(r'code="(\w+)"', path.read_text("utf-8"))
    }
    assert told == used
