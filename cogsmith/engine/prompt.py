"""A request's words to the text that the model reads.

The order is the field's: the request's own template, then (unless the prompt already begins
with a control token and is left alone) the tokenizer's chat template, then plain completion.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import Formatter

from cogsmith.engine.tokenizer import ChatTemplate, Message, TemplateRefusal, Tokenizer
from cogsmith.errors import BadTemplate, EngineError

__all__ = ["Prompt", "Rendered", "render", "token_ids"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a person wrote: the words, the instructions, a template of their own, images."""

    text: str
    system: str | None = None
    template: str | None = None
    images: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The text that the model reads, and a note where something asked for was left out.

    ``special`` says whether the tokenizer is still to add its begin and end tokens: a chat
    template writes its own.
    """

    text: str
    special: bool = True
    note: str = ""


def render(prompt: Prompt, tokenizer: Tokenizer) -> Rendered:
    """Write the prompt down as the model wants it.

    Raises:
        EngineError: there is no prompt (E1001).
        BadTemplate: the template lacks ``{prompt}`` (E1003) or cannot be filled in (E1004).

    """
    if not prompt.text.strip() and not prompt.images:
        raise EngineError("prompt required", where="prompt", hint="say something", code="E1001")
    chat = tokenizer.chat_template
    if prompt.template:
        return _place_images(_fill(prompt), prompt, tokenizer)
    if _already_rendered(prompt.text, tokenizer):
        return Rendered(text=prompt.text, note=_ignored(prompt, "the prompt has control tokens"))
    if chat is not None:
        return _place_images(_converse(prompt, chat), prompt, tokenizer)
    rendered = Rendered(text=prompt.text, note=_ignored(prompt, "the model has no chat template"))
    return _place_images(rendered, prompt, tokenizer)


def token_ids(rendered: Rendered, tokenizer: Tokenizer) -> tuple[int, ...]:
    """The rendered prompt's tokens, with one begin token at most."""
    ids = tokenizer.encode(rendered.text, special=rendered.special)
    bos = tokenizer.bos_id
    while bos is not None and ids[:2] == [bos, bos]:
        del ids[0]
    return tuple(ids)


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


def _converse(prompt: Prompt, chat: ChatTemplate) -> Rendered:
    """The chat template's text of one turn.

    Templates differ in what they take. One that refuses a system role, or silently drops its
    words, gets system and user text as one turn; one that reads lists of parts gets a list.
    """
    refusals: list[str] = []
    for messages in _conversations(prompt):
        try:
            text = chat.render(messages)
        except TemplateRefusal as refusal:
            refusals.append(str(refusal))
            continue
        if _says(text, prompt) and not _leaks(text, messages):
            return Rendered(text=text, special=False)
    raise BadTemplate(
        "the checkpoint's chat template does not take this prompt: "
        + (refusals[0] if refusals else "it leaves the prompt's words out"),
        where="prompt",
        hint="give a prompt_template of your own, with {prompt}",
        code="E1004",
    )


def _says(text: str, prompt: Prompt) -> bool:
    """Whether the words are there; templates trim them, so blanks at the ends don't count."""
    return all(words.strip() in text for words in (prompt.text, prompt.system or ""))


def _leaks(text: str, messages: Sequence[Message]) -> bool:
    """Whether a list of parts was written down as Python shows a list."""
    contents = [message["content"] for message in messages]
    return any(str(content) in text for content in contents if isinstance(content, list))


def _conversations(prompt: Prompt) -> Iterator[Sequence[Message]]:
    joined = f"{prompt.system}\n\n{prompt.text}" if prompt.system else prompt.text
    pairs = [("", joined)] if not prompt.system else [(prompt.system, prompt.text), ("", joined)]
    for parts in (True, False) if prompt.images else (False, True):
        for system, user in pairs:
            content = _content(user, prompt.images) if parts else user
            turn: Message = {"role": "user", "content": content}
            opening: object = [{"type": "text", "text": system}] if parts else system
            yield [{"role": "system", "content": opening}, turn] if system else [turn]


def _content(text: str, images: int) -> list[dict[str, str]]:
    return [{"type": "image"}] * images + [{"type": "text", "text": text}]


def _place_images(rendered: Rendered, prompt: Prompt, tokenizer: Tokenizer) -> Rendered:
    """Mark each image's place, before the prompt's words, where the text has not done so."""
    token = tokenizer.image_token
    if token is None or rendered.text.count(token) >= prompt.images:
        return rendered
    missing = prompt.images - rendered.text.count(token)
    before, found, after = rendered.text.rpartition(prompt.text.strip())
    if not found:
        before, after = "", rendered.text
    text = before + f"{token}\n" * missing + found + after
    return Rendered(text=text, special=rendered.special, note=rendered.note)


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
