"""What the engine's thread asks of whatever runs the model: no torch here."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from cogsmith.engine.engine import Capabilities, Chunk, Request
from cogsmith.engine.transformers.failures import STEP_FAILURES, failure
from cogsmith.errors import EngineError

if TYPE_CHECKING:
    from cogsmith.engine.transformers.lora import Deltas, Shelf

__all__ = ["Decoder", "Outcome", "Runner", "Turns"]

Outcome = tuple[int, Chunk | EngineError]
"""What a step brought to the request with that number."""


class Runner(Protocol):
    """Requests that are being answered, one step at a time; used from one thread only."""

    @property
    def capabilities(self) -> Capabilities:
        """What the model can do."""

    @property
    def used(self) -> float:
        """The share of the cache that running requests hold, 0 to 1."""

    @property
    def shelf(self) -> Shelf | None:
        """The adapters that are ready, where the model takes any (`Capabilities.adapters`)."""

    def join(self, number: int, request: Request, deltas: Deltas | None) -> bool:
        """Take a request in under that number; False where there is no room now.

        ``deltas`` is the request's adapter, as the shelf gave it.
        """

    def leave(self, number: int) -> None:
        """Forget a request that somebody took back; it is in no later step."""

    def step(self) -> list[Outcome]:
        """Go on by one forward pass; a request whose chunk is its last has left."""


class Decoder(Protocol):
    """A model that answers one request with one loop of its own."""

    @property
    def capabilities(self) -> Capabilities:
        """What the model can do."""

    @property
    def shelf(self) -> Shelf | None:
        """The adapters that are ready, where the model takes any."""

    def adapted(self, deltas: Deltas | None) -> AbstractContextManager[None]:
        """Within it, forward passes are those of the base with that adapter."""

    def decode(self, request: Request) -> Iterator[Chunk | None]:
        """The answer, a token a chunk, until the model ends it; None is a moment to look up."""


@dataclass(slots=True)
class _Answer:
    chunks: Iterator[Chunk | None]
    left: int
    deltas: Deltas | None


class Turns:
    """Requests that cannot share forward passes share the thread: a token each, in turn."""

    def __init__(self, decoder: Decoder, places: int = 8) -> None:
        """``places`` requests take turns; the others wait, since each holds a cache."""
        self.capabilities = decoder.capabilities
        self.shelf = decoder.shelf
        self._decoder = decoder
        self._places = places
        self._answers: dict[int, _Answer] = {}
        self._turns: deque[int] = deque()

    @property
    def used(self) -> float:
        """The share of the places that are taken."""
        return len(self._answers) / self._places

    def join(self, number: int, request: Request, deltas: Deltas | None = None) -> bool:
        """Take a request in where there is a place."""
        if len(self._answers) >= self._places:
            return False
        chunks = self._decoder.decode(request)
        self._answers[number] = _Answer(chunks, request.max_tokens, deltas)
        self._turns.append(number)
        return True

    def leave(self, number: int) -> None:
        """Forget a request."""
        if self._answers.pop(number, None) is not None:
            self._turns.remove(number)

    def step(self) -> list[Outcome]:
        """Give the next in turn its forward pass; it fails alone."""
        number = self._turns[0]
        self._turns.rotate(-1)
        try:
            outcome = self._advance(self._answers[number])
        except (EngineError, *STEP_FAILURES) as problem:
            self.leave(number)
            return [(number, failure(problem))]
        if outcome is None:
            return []
        if outcome.finish_reason is not None:
            self.leave(number)
        return [(number, outcome)]

    def _advance(self, answer: _Answer) -> Chunk | None:
        try:
            with self._decoder.adapted(answer.deltas):
                chunk = next(answer.chunks)
        except StopIteration:
            return Chunk(finish_reason="stop")
        if chunk is None:
            return None
        answer.left -= 1
        return chunk if answer.left else replace(chunk, finish_reason="length")
