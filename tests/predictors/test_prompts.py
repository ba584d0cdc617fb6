"""Forms: names to format strings, with and without a system prompt."""

from __future__ import annotations

import pytest

from predictors import inputs
from predictors.prompts import FORMS, template

WRITTEN = {
    "alpaca": "S\n\n### Instruction:\nP\n\n### Response:\n",
    "chatml": (
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nP<|im_end|>\n<|im_start|>assistant\n"
    ),
    "llama-2": "[INST] <<SYS>>\nS\n<</SYS>>\n\nP [/INST]",
    "llama-3": (
        "<|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nP<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    ),
    "llava": "S USER: P ASSISTANT:",
    "mistral": "[INST] S\n\nP [/INST]",
    "plain": "S\n\nP",
}


@pytest.mark.parametrize("name", sorted(FORMS))
def test_what_the_model_reads(name: str) -> None:
    form = template(name, system=True)
    assert form is not None
    assert form.format(prompt="P", system_prompt="S") == WRITTEN[name]


@pytest.mark.parametrize("name", sorted(FORMS))
def test_no_system_prompt_leaves_no_trace(name: str) -> None:
    form = template(name, system=False)
    assert form is not None
    assert form.format(prompt="P") in WRITTEN[name].replace("<<SYS>>\nS\n<</SYS>>\n\n", "").replace(
        "S\n\n", ""
    )


@pytest.mark.parametrize("text", [None, "", "{prompt}", "Llama 2: {prompt}"])
def test_other_texts_are_left_alone(text: str | None) -> None:
    assert template(text, system=True) == text


def test_the_input_names_every_form() -> None:
    assert ", ".join(sorted(FORMS)) in inputs.PROMPT_TEMPLATE.description
