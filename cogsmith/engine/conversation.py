"""A conversation as people send it, looked over, and the forms of it that templates take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cogsmith.engine.tokenizer import Message
from cogsmith.errors import EngineError, Problem

__all__ = ["Turn", "forms", "transcript", "turns"]

_ROLES = {"system": "system", "developer": "system", "user": "user",
          "assistant": "assistant", "tool": "tool"}  # fmt: skip
_IMAGES = {"image", "image_url", "input_image"}


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said at once; ``images`` come before the words.

    ``more`` is what else the message had (``name``, ``tool_calls``, …), for templates to read.
    """

    role: str
    text: str
    images: int = 0
    more: Mapping[str, Any] = field(default_factory=dict)

    def message(self, *, parts: bool) -> Message:
        """As a chat template reads it: the content as one text, or as a list of parts."""
        pictures: list[dict[str, str]] = [{"type": "image"}] * self.images
        words = [{"type": "text", "text": self.text}]
        return {**self.more, "role": self.role, "content": pictures + words if parts else self.text}

    @property
    def words(self) -> str:
        """The words that a rendering has to have; templates leave out what was thought."""
        said = self.text.rpartition("</think>")[2] if self.role == "assistant" else self.text
        return said.strip()


def turns(messages: Iterable[Message]) -> tuple[Turn, ...]:
    """The messages, looked over.

    Raises EngineError (E1000) naming every message that is none: a role that there is not, a
    content that is neither text nor a list of parts.
    """
    found: list[Turn] = []
    problems: list[Problem] = []
    for number, message in enumerate(messages):
        where = f"messages[{number}]"
        try:
            found.append(_turn(message, where))
        except EngineError as error:
            problems += error.problems
    if problems:
        raise EngineError(problems)
    return tuple(found)


def _turn(message: object, where: str) -> Turn:
    if not isinstance(message, Mapping):
        raise EngineError("is not an object with role and content", where=where)
    role = _ROLES.get(str(message.get("role")))
    if role is None:
        raise EngineError(
            f"no such role: {message.get('role')!r}",
            where=f"{where}.role",
            hint="use system, user, assistant or tool",
        )
    text, images = _content(message.get("content"), f"{where}.content")
    more = {name: value for name, value in message.items() if name not in {"role", "content"}}
    return Turn(role, text, images, more)


def _content(content: object, where: str) -> tuple[str, int]:
    if content is None or isinstance(content, str):
        return content or "", 0
    if not isinstance(content, Sequence):
        raise EngineError("is neither a text nor a list of parts", where=where)
    texts, images = [], 0
    for part in content:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind in _IMAGES:
            images += 1
        elif kind in {"text", "input_text"} and isinstance(part.get("text"), str):
            texts.append(part["text"])
        else:
            raise EngineError(
                f"a part of type {kind!r} has no meaning here",
                where=where,
                hint='write {"type": "text", "text": "…"}',
            )
    return "\n".join(texts), images


def forms(conversation: Sequence[Turn]) -> Iterator[Sequence[Turn]]:
    """The conversation as it is, then in forms that say the same to templates that take less.

    Some want user and assistant in turn: neighbours of one role become one. Some refuse a
    system role, or drop its words: those go into the turn behind. Some know no tools.
    """
    seen: list[Sequence[Turn]] = []
    folded = _folded(conversation)
    untooled = [replace(turn, role="user") if turn.role == "tool" else turn for turn in folded]
    for form in (
        conversation, _merged(conversation), folded, _merged(folded), _merged(untooled),
    ):  # fmt: skip
        if tuple(form) not in seen:
            seen.append(tuple(form))
            yield form


def _folded(conversation: Sequence[Turn]) -> list[Turn]:
    """System turns at the head of the next turn, or at the end as a user's."""
    found: list[Turn] = []
    held: list[str] = []
    for turn in conversation:
        if turn.role == "system":
            held.append(turn.text)
        else:
            found.append(replace(turn, text="\n\n".join([*held, turn.text])) if held else turn)
            held = []
    return [*found, Turn("user", "\n\n".join(held))] if held else found


def _merged(conversation: Sequence[Turn]) -> list[Turn]:
    found: list[Turn] = []
    for turn in conversation:
        if found and found[-1].role == turn.role:
            text = f"{found[-1].text}\n\n{turn.text}"
            found[-1] = replace(found[-1], text=text, images=found[-1].images + turn.images)
        else:
            found.append(turn)
    return found


def transcript(conversation: Sequence[Turn]) -> str:
    r"""A conversation as people write one down: what a model without a template reads.

    >>> transcript([Turn("user", "Hi"), Turn("assistant", "Hello."), Turn("user", "Who?")])
    'User: Hi\n\nAssistant: Hello.\n\nUser: Who?'
    """
    said = [turn for turn in conversation if turn.text.strip()]
    return "\n\n".join(
        turn.text.strip() if turn.role == "system" else f"{turn.role.title()}: {turn.text.strip()}"
        for turn in said
    )
