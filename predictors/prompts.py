"""How families of models want a conversation written down: chat to text, pure.

A checkpoint that was trained to chat mostly carries its own template, and that one is used.
These forms are for those that carry none, and for getting past one (``plain``). The begin
token is not written here: the tokenizer puts it first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["FORMS", "Form", "template"]


@dataclass(frozen=True, slots=True)
class Form:
    """A turn with its ``{prompt}``; ``{system}`` is where the system prompt's part goes.

    ``system`` is that part, with ``{system_prompt}`` in it; it is there only when somebody
    gave a system prompt.
    """

    turn: str
    system: str = "{system_prompt}\n\n"

    def template(self, *, system: bool) -> str:
        """The format string for a request with or without a system prompt."""
        return self.turn.replace("{system}", self.system if system else "")


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "alpaca": Form("{system}### Instruction:\n{prompt}\n\n### Response:\n"),
        "chatml": Form(
            "{system}<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n",
            "<|im_start|>system\n{system_prompt}<|im_end|>\n",
        ),
        "llama-2": Form(
            "[INST] {system}{prompt} [/INST]", "<<SYS>>\n{system_prompt}\n<</SYS>>\n\n"
        ),
        "llama-3": Form(
            "{system}<|start_header_id|>user<|end_header_id|>\n\n{prompt}<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
            "<|start_header_id|>system<|end_header_id|>\n\n{system_prompt}<|eot_id|>",
        ),
        "llava": Form("{system}USER: {prompt} ASSISTANT:", "{system_prompt} "),
        "mistral": Form("[INST] {system}{prompt} [/INST]"),
        "plain": Form("{system}{prompt}"),
    }
)
"""The known forms, by the names that ``prompt_template`` takes."""


def template(wanted: str | None, *, system: bool) -> str | None:
    """The format string that a request means: a form's name, or a format string itself.

    >>> template("llama-2", system=False)
    '[INST] {prompt} [/INST]'
    >>> template("Q: {prompt} A:", system=False)
    'Q: {prompt} A:'
    """
    form = FORMS.get((wanted or "").strip())
    return form.template(system=system) if form else wanted
