"""A request's words to the text that the model reads.

The order is the field's: the request's own template, then (unless the prompt already begins
with a control token and is left alone) the tokenizer's chat template, then plain completion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from string import Formatter

from cogsmith.engine.conversation import Turn, forms, transcript, turns
from cogsmith.engine.tokenizer import ChatTemplate, Message, TemplateRefusal, Tokenizer
from cogsmith.errors import BadTemplate, EngineError

__all__ = ["Prompt", "Rendered", "render", "token_ids"]

# Characters of no meaning (private use), each in the place of one control token's text.
_MASKS = 0xF0000


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a person wrote: the words, the instructions, a template of their own, images.

    ``messages``, a whole conversation, stand instead of ``text`` and ``system``.
    """

    text: str = ""
    system: str | None = None
    template: str | None = None
    images: int = 0
    messages: tuple[Message, ...] = ()

    def turns(self) -> tuple[Turn, ...]:
        """The words as a conversation, each image in its turn: the last user's, if none said.

        Raises EngineError for messages that are none, or nothing to answer (E1001).
        """
        found = turns(self.messages) or self._own()
        spoken = [turn for turn in found if turn.role != "system"]
        if not any(turn.text.strip() or turn.images for turn in spoken) and not self.images:
            where = "messages" if self.messages else "prompt"
            raise EngineError(f"{where} required", where=where, hint="say something", code="E1001")
        return _with_images(found, self.images)

    def _own(self) -> tuple[Turn, ...]:
        opening = (Turn("system", self.system),) if self.system else ()
        return (*opening, Turn("user", self.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The text that the model reads, and a note where something asked for was left out.

    ``special`` says whether the tokenizer is still to add its begin and end tokens: a chat
    template writes its own. ``quoted`` are the stretches (begin and end) that read like
    control tokens and are somebody's words.
    """

    text: str
    special: bool = True
    note: str = ""
    quoted: tuple[tuple[int, int], ...] = ()


def render(prompt: Prompt, tokenizer: Tokenizer) -> Rendered:
    """Write the prompt down as the model wants it.

    Raises:
        EngineError: there is no prompt (E1001), or a message that is none (E1000).
        BadTemplate: the template lacks ``{prompt}`` (E1003) or cannot be filled in (E1004).

    """
    conversation = prompt.turns()
    chat = tokenizer.chat_template
    prompt = _as_one(prompt, conversation)
    if prompt.template:
        return _place_images(_fill(prompt), prompt, tokenizer)
    if not prompt.messages and _already_rendered(prompt.text, tokenizer):
        return Rendered(text=prompt.text, note=_ignored(prompt, "the prompt has control tokens"))
    if chat is not None:
        return _chat(conversation, prompt, chat, tokenizer)
    if len([turn for turn in conversation if turn.role != "system"]) > 1:
        text = f"{transcript(conversation)}\n\nAssistant:"
        return _place_images(Rendered(text=text), prompt, tokenizer)
    rendered = Rendered(text=prompt.text, note=_ignored(prompt, "the model has no chat template"))
    return _place_images(rendered, prompt, tokenizer)


def token_ids(rendered: Rendered, tokenizer: Tokenizer) -> tuple[int, ...]:
    """The rendered prompt's tokens, with one begin token at most."""
    text, at = rendered.text, 0
    ids: list[int] = []
    for start, end in rendered.quoted:
        ids += tokenizer.encode(text[at:start], special=rendered.special and at == 0)
        ids += tokenizer.encode(text[start:end], special=False, controls=False)
        at = end
    if text[at:] or not ids:
        ids += tokenizer.encode(text[at:], special=rendered.special and at == 0)
    bos = tokenizer.bos_id
    while bos is not None and ids[:2] == [bos, bos]:
        del ids[0]
    return tuple(ids)


def _with_images(conversation: tuple[Turn, ...], images: int) -> tuple[Turn, ...]:
    marked = sum(turn.images for turn in conversation)
    if marked > images:
        raise EngineError(
            f"the messages have places for {marked} images, and {images} are given",
            where="messages",
            hint="leave the parts out that are no text, or give the images beside the messages",
        )
    users = [number for number, turn in enumerate(conversation) if turn.role == "user"]
    if not images or not users or marked == images:
        return conversation
    last = conversation[users[-1]]
    pictured = replace(last, images=last.images + images - marked)
    return (*conversation[: users[-1]], pictured, *conversation[users[-1] + 1 :])


def _as_one(prompt: Prompt, conversation: Sequence[Turn]) -> Prompt:
    """The prompt with ``text`` and ``system`` filled in: one user's words, or a transcript."""
    if not prompt.messages:
        return prompt
    system = "\n\n".join(turn.text for turn in conversation if turn.role == "system")
    spoken = [turn for turn in conversation if turn.role != "system"]
    text = spoken[0].text if len(spoken) == 1 else transcript(spoken)
    return replace(prompt, text=text, system=system or None)


def _fill(prompt: Prompt) -> Rendered:
    """The template with the words in it.

    Only plain ``{prompt}`` and ``{system_prompt}`` are filled in: a format string that
    reaches into attributes would let a request look into our objects.
    """
    template = prompt.template or ""
    try:
        fields = [(name, spec, how) for _, name, spec, how in Formatter().parse(template)]
    except ValueError as problem:
        raise _unusable(str(problem)) from None
    names = {name for name, _, _ in fields if name is not None}
    if unknown := sorted(names - {"prompt", "system_prompt"}):
        raise _unusable(f"it has {{{unknown[0]}}}, and only two names have a meaning")
    if any(spec or how for _, spec, how in fields):
        raise _unusable("it has a conversion or a format after a name")
    if "prompt" not in names:
        raise BadTemplate(
            "the template has no {prompt}",
            where="prompt_template",
            hint="write {prompt} where the prompt goes, as in: [INST] {prompt} [/INST]",
        )
    text = template.format(prompt=prompt.text, system_prompt=prompt.system or "")
    note = "" if "system_prompt" in names else _ignored(prompt, "the template has no place for it")
    return Rendered(text=text, note=note)


def _unusable(why: str) -> BadTemplate:
    return BadTemplate(
        f"the template cannot be filled in: {why}",
        where="prompt_template",
        hint="{prompt} and {system_prompt} are filled in; every other brace, as in JSON, is "
        "written twice: {{ and }}",
        code="E1004",
    )


def _chat(
    conversation: Sequence[Turn], prompt: Prompt, chat: ChatTemplate, tokenizer: Tokenizer
) -> Rendered:
    """The conversation in the chat template's form.

    Words that read like control tokens are masked until the template has written its own: only
    so is it known which of them are whose.
    """
    controls = tokenizer.special_tokens - {tokenizer.image_token}
    masks = {control: chr(_MASKS + number) for number, control in enumerate(sorted(controls))}
    masked = [replace(turn, text=_masked(turn.text, masks)) for turn in conversation]
    rendered = Rendered(text=_converse(masked, chat), special=False)
    words = next((turn.text for turn in reversed(masked) if turn.role == "user"), "")
    pictured = _place_images(rendered, replace(prompt, text=words), tokenizer)
    return _unmasked(pictured, masks)


def _masked(text: str, masks: Mapping[str, str]) -> str:
    found = sorted((control for control in masks if control and control in text), key=len)
    for control in reversed(found):
        text = text.replace(control, masks[control])
    return text


def _unmasked(rendered: Rendered, masks: Mapping[str, str]) -> Rendered:
    controls = {mask: control for control, mask in masks.items() if mask in rendered.text}
    if not controls:
        return rendered
    text, quoted = "", []
    for piece in re.split(f"([{''.join(controls)}])", rendered.text):
        start = len(text)
        text += controls.get(piece, piece)
        if piece in controls:
            quoted.append((start, len(text)))
    return replace(rendered, text=text, quoted=tuple(quoted))


def _converse(conversation: Sequence[Turn], chat: ChatTemplate) -> str:
    """The chat template's text, in the first form that it takes and leaves nothing out of.

    Templates differ: one refuses a system role or silently drops its words, another wants
    user and assistant in turn, a third reads lists of parts.
    """
    refusals: list[str] = []
    for form, messages in _conversations(conversation):
        try:
            text = chat.render(messages)
        except TemplateRefusal as refusal:
            refusals.append(str(refusal))
            continue
        if _says(text, form) and not _leaks(text, messages):
            return text
    raise BadTemplate(
        "the checkpoint's chat template does not take this prompt: "
        + (refusals[0] if refusals else "it leaves the prompt's words out"),
        where="prompt",
        hint="give a prompt_template of your own, with {prompt}",
        code="E1004",
    )


def _conversations(
    conversation: Sequence[Turn],
) -> Iterator[tuple[Sequence[Turn], Sequence[Message]]]:
    seen = any(turn.images for turn in conversation)
    for parts in (True, False) if seen else (False, True):
        for form in forms(conversation):
            yield form, [turn.message(parts=parts) for turn in form]


def _says(text: str, conversation: Sequence[Turn]) -> bool:
    """Whether the words are there; templates trim them, so blanks at the ends don't count."""
    return all(turn.words in text for turn in conversation)


def _leaks(text: str, messages: Sequence[Message]) -> bool:
    """Whether a list of parts was written down as Python shows a list."""
    contents = [message["content"] for message in messages]
    return any(str(content) in text for content in contents if isinstance(content, list))


def _place_images(rendered: Rendered, prompt: Prompt, tokenizer: Tokenizer) -> Rendered:
    """Mark each image's place, before the prompt's words, where the text has not done so."""
    token = tokenizer.image_token
    if token is None or rendered.text.count(token) >= prompt.images:
        return rendered
    missing = prompt.images - rendered.text.count(token)
    before, found, after = rendered.text.rpartition(prompt.text.strip())
    if not found:
        before, after = "", rendered.text
    return replace(rendered, text=before + f"{token}\n" * missing + found + after)


def _already_rendered(text: str, tokenizer: Tokenizer) -> bool:
    """Whether somebody has done our work: the text begins as only rendered ones do.

    ``[INST]`` is a control token in some tokenizers and plain text in others of the same
    family, so it counts wherever the model's own template writes it.
    """
    marks = set(tokenizer.special_tokens) - {tokenizer.image_token}
    if tokenizer.chat_template is not None and "[INST]" in tokenizer.chat_template.source:
        marks.add("[INST]")
    return text.lstrip().startswith(tuple(mark for mark in marks if mark))


def _ignored(prompt: Prompt, why: str) -> str:
    return f"system prompt ignored: {why}" if prompt.system else ""
