"""An engine that says what it is told, and a tokenizer of bytes: no torch, no weights.

Predictors are tested with these. They keep the same promises as a real engine.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, field

from cogsmith.engine.engine import Capabilities, Chunk, Request, Stats, admit
from cogsmith.engine.text import LanguageModel
from cogsmith.engine.tokenizer import ChatTemplate
from cogsmith.errors import EngineError

__all__ = ["ByteTokenizer", "ScriptedEngine", "scripted_model"]

_BOS, _EOS, _IMAGE = 256, 257, 258
_SPECIAL = {"<s>": _BOS, "</s>": _EOS, "<image>": _IMAGE}


@dataclass(frozen=True)
class ByteTokenizer:
    """One token per UTF-8 byte, beside ``<s>``, ``</s>`` and ``<image>``.

    >>> ByteTokenizer().encode("<s>hi", special=False)
    [256, 104, 105]
    """

    chat_template: ChatTemplate | None = None
    bos_id: int | None = _BOS
    image_token: str | None = "<image>"  # noqa: S105 (no password)
    special_tokens: frozenset[str] = frozenset(_SPECIAL)

    def encode(self, text: str, *, special: bool, controls: bool = True) -> list[int]:
        """Bytes as ids; ``special`` puts ``<s>`` first; without ``controls`` all are bytes."""
        ids = [_BOS] if special else []
        if not controls:
            return [*ids, *text.encode()]
        while text:
            marks = [(at, mark) for mark in _SPECIAL if (at := text.find(mark)) >= 0]
            at, mark = min(marks, default=(len(text), ""))
            ids += text[:at].encode()
            ids += [_SPECIAL[mark]] if mark else []
            text = text[at + len(mark) :]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Bytes as text; what is no UTF-8 becomes U+FFFD."""
        return bytes(id_ for id_ in ids if id_ < _BOS).decode(errors="replace")

    def token(self, id_: int) -> tuple[str, bytes | None]:
        """A byte, or the name of a control token."""
        names = {number: name for name, number in _SPECIAL.items()}
        if id_ in names:
            return names[id_], None
        return bytes([id_]).decode(errors="replace"), bytes([id_])


@dataclass
class ScriptedEngine:
    """Answers requests with its replies, in order; the last one again and again.

    A reply is a text, told byte by byte, or an error, raised. ``delay`` (seconds) comes
    before each token. Asked for log probabilities, it gives -0.5 to what it says, and -1.5,
    -2.5, … to the bytes that follow it in value. ``requests`` keeps what was asked,
    ``cancelled`` the ids that were taken back.
    """

    replies: Iterable[str | EngineError] = ("ok",)
    delay: float = 0.0
    capabilities: Capabilities = field(
        default_factory=lambda: Capabilities(
            batching=True,
            logprobs=True,
            adapters=True,
            images=True,
            image_token_id=_IMAGE,
            image_tokens=4,
        )
    )
    requests: list[Request] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._replies = deque(self.replies)
        self._running: dict[str, asyncio.Event] = {}
        self._told = 0

    async def load(self) -> None:
        """Nothing to load."""

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Tell the next reply, ``max_tokens`` of it at most."""
        admit(request, self.capabilities)
        self.requests.append(request)
        reply = self._replies.popleft() if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, EngineError):
            raise reply
        stopped = self._running[request.id] = asyncio.Event()
        ended = False
        try:
            for id_ in reply.encode()[: request.max_tokens]:
                await asyncio.sleep(self.delay)
                if stopped.is_set():
                    break
                self._told += 1
                yield Chunk(token_ids=(id_,), logprobs=_logprobs(id_, request.logprobs))
            ended = not stopped.is_set()
            whole = len(reply.encode()) <= request.max_tokens
            yield Chunk(finish_reason=("stop" if whole else "length") if ended else "cancelled")
        finally:
            del self._running[request.id]
            if not ended:
                self.cancelled.append(request.id)

    async def cancel(self, request_id: str) -> None:
        """End that request's stream at its next token."""
        if request_id in self._running:
            self._running[request_id].set()

    def stats(self) -> Stats:
        """How many requests run, how many tokens were told."""
        return Stats(running=len(self._running), output_tokens=self._told)

    async def close(self) -> None:
        """End every stream."""
        for stopped in self._running.values():
            stopped.set()


def _logprobs(id_: int, count: int | None) -> tuple[dict[int, float], ...]:
    if count is None:
        return ()
    return ({(id_ + step) % _BOS: -0.5 - step for step in range(max(count, 1))},)


def scripted_model(
    *replies: str | EngineError, delay: float = 0.0, chat_template: ChatTemplate | None = None
) -> LanguageModel:
    """A language model for tests: what `load` gives, without a checkpoint."""
    engine = ScriptedEngine(replies or ("ok",), delay=delay)
    return LanguageModel(engine, ByteTokenizer(chat_template=chat_template))
