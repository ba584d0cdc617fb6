"""Token ids to text while they arrive: whole characters only, and no spaces lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["Detokenizer"]

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Detokenizer:
    """Turns new token ids into new text.

    A token cannot be decoded alone: sentencepiece drops the space before the first word that
    it is given, and a character may be spread over several tokens. So each step decodes a
    window that begins at the last piece of text already sent, with and without the new
    tokens, and sends the difference; while the window ends in U+FFFD, it waits for more.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._window: list[int] = []
        self._sent_ids = 0
        self._sent_text = ""

    def push(self, ids: Sequence[int]) -> str:
        """Take new ids; give the text that they complete."""
        if not ids:
            return ""
        self._window.extend(ids)
        text = self._decode(self._window)
        if text.endswith(_REPLACEMENT) or len(text) <= len(self._sent_text):
            return ""
        return self._send(text)

    def flush(self) -> str:
        """The text of what was held back, now that no more ids come."""
        return self._send(self._decode(self._window))

    def _send(self, text: str) -> str:
        new = text[len(self._sent_text) :]
        self._window = self._window[self._sent_ids :]
        self._sent_ids = len(self._window)
        self._sent_text = self._decode(self._window)
        return new
