"""What the text layer asks of a tokenizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

__all__ = ["ChatTemplate", "Message", "TemplateRefusal", "Tokenizer"]

Message = Mapping[str, Any]
"""``{"role": "system" | "user" | "assistant" | "tool", "content": text or a list of parts}``."""


class TemplateRefusal(Exception):
    """A chat template will not render these messages; the words are the template's own."""


class ChatTemplate(Protocol):
    """How a model wants a conversation written down."""

    @property
    def source(self) -> str:
        """The template's own text."""

    def render(self, messages: Sequence[Message]) -> str:
        """The conversation as one text that ends where the answer begins.

        Raises:
            TemplateRefusal: the template does not take these messages.

        """


class Tokenizer(Protocol):
    """Text to token ids and back."""

    @property
    def bos_id(self) -> int | None:
        """The token that begins every text, where the model has one."""

    @property
    def special_tokens(self) -> frozenset[str]:
        """The texts of all control tokens."""

    @property
    def image_token(self) -> str | None:
        """The text that marks an image's place, where the model sees images."""

    @property
    def chat_template(self) -> ChatTemplate | None:
        """The checkpoint's own chat template, where it has one."""

    def encode(self, text: str, *, special: bool, controls: bool = True) -> list[int]:
        """Token ids; ``special`` adds the tokens that begin (and end) every text.

        Without ``controls``, the texts of control tokens are words like any others.
        """

    def decode(self, ids: Sequence[int]) -> str:
        """Text without control tokens; bytes that are no character become U+FFFD."""

    def token(self, id_: int) -> tuple[str, bytes | None]:
        """One token's text and bytes; a control token has a name, and no bytes.

        A part of a character has the bytes alone: its text is U+FFFD.
        """
