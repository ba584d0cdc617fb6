"""Log probabilities in the field's form, each told when the text of its token is."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from cogsmith.engine.tokenizer import Tokenizer

__all__ = ["LogprobLedger"]

# JSON has no -inf; OpenAI writes this for what is next to impossible.
_LEAST = -9999.0


class LogprobLedger:
    """Tokens whose text waits to be sent; those that a stop sequence swallows are never told.

    A place is a count of characters from the answer's beginning. A token that ends in the
    middle of a character has no text yet: it is told with the one that completes it.
    """

    def __init__(self, tokenizer: Tokenizer, count: int) -> None:
        """``count`` alternatives go with each token."""
        self._tokenizer = tokenizer
        self._count = count
        self._waiting: deque[tuple[int, dict[str, object]]] = deque()

    def add(self, place: int, token: int, logprobs: Mapping[int, float]) -> None:
        """Note a token whose text begins at that place."""
        if token not in logprobs:
            return
        likeliest = sorted(logprobs.items(), key=lambda one: -one[1])[: self._count]
        top = [self._entry(id_, logprob) for id_, logprob in likeliest]
        self._waiting.append((place, {**self._entry(token, logprobs[token]), "top": top}))

    def due(self, sent: int | None) -> list[dict[str, object]]:
        """What can be told now that so many characters are sent; None: all that waits."""
        found = []
        while self._waiting and (sent is None or self._waiting[0][0] < sent):
            found.append(self._waiting.popleft()[1])
        return found

    def _entry(self, token: int, logprob: float) -> dict[str, object]:
        text, encoded = self._tokenizer.token(token)
        return {
            "token": text,
            "logprob": max(logprob, _LEAST),
            "bytes": None if encoded is None else list(encoded),
        }
