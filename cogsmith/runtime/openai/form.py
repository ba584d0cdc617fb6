"""The JSON around a text: what chats and completions have different, and what is the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cogsmith.runtime.openai.asked import Asked
from cogsmith.runtime.openai.logprobs import Token, as_chat, as_completion

__all__ = ["CHAT", "COMPLETION", "Form", "Frame"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One kind of answer: its names, and the JSON before and after a choice's text.

    ``first`` opens a choice's stream, ``last`` ends it; ``chunk`` and ``whole`` surround a text
    in a stream and in a whole answer.
    """

    object: str
    chunk_object: str
    first: bytes
    last: bytes
    chunk: tuple[bytes, bytes]
    whole: tuple[bytes, bytes]
    logprobs: Callable[[Sequence[tuple[Token, int]]], bytes]


CHAT = Form(
    object="chat.completion",
    chunk_object="chat.completion.chunk",
    first=b'"delta":{"role":"assistant","content":""}',
    last=b'"delta":{}',
    chunk=(b'"delta":{"content":', b"}"),
    whole=(b'"message":{"role":"assistant","content":', b',"refusal":null}'),
    logprobs=as_chat,
)
COMPLETION = Form(
    object="text_completion",
    chunk_object="text_completion",
    first=b"",
    last=b'"text":""',
    chunk=(b'"text":', b""),
    whole=(b'"text":', b""),
    logprobs=as_completion,
)


class Frame:
    """The JSON of one answer that all its chunks share."""

    def __init__(self, asked: Asked, created: int) -> None:
        self.form = CHAT if asked.chat else COMPLETION
        self._start = {"id": asked.id, "created": created, "model": asked.model}
        chunk = self._opened(self.form.chunk_object)
        self._chunk = b"data: %b" % chunk
        # With include_usage every chunk says that it is not the one that holds it.
        self.end = b'],"usage":null}\n\n' if asked.include_usage else b"]}\n\n"

    def _opened(self, kind: str) -> bytes:
        """The beginning of an object, up to the first of its choices."""
        text = json.dumps({**self._start, "object": kind}, separators=(",", ":"))
        return b'%b,"choices":[' % text[:-1].encode()

    def choice(self, index: int) -> bytes:
        """A chunk's beginning, up to what it says."""
        return b'%b{"index":%d,' % (self._chunk, index)

    def usage(self, usage: bytes) -> bytes:
        """The chunk that tells what an answer cost."""
        return b'%b],"usage":%b}\n\n' % (self._chunk, usage)

    def whole(self, choices: Sequence[bytes], usage: bytes) -> bytes:
        """The answer in one piece; ``usage`` is empty where it is not known."""
        cost = b',"usage":%b' % usage if usage else b""
        return b"%b%b]%b}" % (self._opened(self.form.object), b",".join(choices), cost)
