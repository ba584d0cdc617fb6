"""JSON texts on their way through: spliced as they are, mended where no client could read them."""

from __future__ import annotations

import json

__all__ = ["Halves", "is_simple", "joined", "plain", "quoted"]

QUOTE, BACKSLASH = b'"\\'
HALF = b"\\ud"  # an escape of half a character: U+D800 to U+DFFF
# Three characters that JSON leaves bare and that some clients take for the end of a line.
BREAKS = (
    (b"\xc2\x85", b"\\u0085"),
    (b"\xe2\x80\xa8", b"\\u2028"),
    (b"\xe2\x80\xa9", b"\\u2029"),
)


def is_simple(text: bytes) -> bool:
    """Whether a JSON text is a string of ASCII without escapes, as most tokens are."""
    return text.isascii() and BACKSLASH not in text and text[0] == QUOTE


def plain(text: bytes) -> bytes:
    """The JSON text of a string, safe in one line of a stream.

    Predictors may yield what is no string: null is no text, anything else is shown as JSON.
    """
    if text[0] != QUOTE:
        text = b'""' if text == b"null" else json.dumps(text.decode()).encode()
    if not text.isascii():
        for bare, escaped in BREAKS:
            text = text.replace(bare, escaped)
    return text


def joined(texts: list[bytes]) -> bytes:
    """Several JSON strings as one; halves of a character that meet become one, others U+FFFD."""
    text = b'"%b"' % b"".join([text[1:-1] for text in texts])
    return quoted(_whole(json.loads(text))) if HALF in text else text


def quoted(text: str) -> bytes:
    """A text as JSON."""
    return json.dumps(text).encode()


class Halves:
    """Keeps the first half of a character (a high surrogate) until the other half is there."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held = ""

    def mended(self, text: bytes) -> bytes:
        """A JSON string that is valid text: what was held and this, without a half at its end."""
        words = self.held + json.loads(text)
        self.held = words[-1:] if "\ud800" <= words[-1:] <= "\udbff" else ""
        return quoted(_whole(words[: len(words) - len(self.held)]))

    def rest(self) -> bytes:
        """What is held at the end, and can only be shown as U+FFFD; empty where nothing is."""
        return quoted(_whole(self.held)) if self.held else b""


def _whole(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
