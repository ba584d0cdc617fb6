"""How the next token is drawn: the field's parameters, checked once, where they are made."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from cogsmith.errors import EngineError, Problem

__all__ = ["Sampling"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """The parameters of one request, with the meaning that vLLM gives them.

    ``temperature`` 0 is greedy: the likeliest token, no drawing, the seed has no effect.
    ``top_p`` keeps the fewest tokens whose probabilities reach it, ``top_k`` that many tokens
    (0 or -1: all), ``min_p`` those at least that share of the likeliest one.
    ``repetition_penalty`` (1: none) weighs on tokens of prompt and answer,
    ``presence_penalty`` and ``frequency_penalty`` (0: none) on tokens of the answer.
    Neither an end token nor a stop ends the answer before ``min_tokens`` tokens.

    >>> Sampling(temperature=0).greedy
    True
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    min_tokens: int = 0

    def __post_init__(self) -> None:
        """Refuse what has no meaning, all of it at once."""
        if problems := tuple(self._problems()):
            raise EngineError(problems)

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is always taken."""
        return self.temperature == 0

    def _problems(self) -> Iterator[Problem]:
        allowed = {
            "temperature": (0 <= self.temperature < math.inf, "0 or more; 0 is greedy"),
            "top_p": (0 < self.top_p <= 1, "above 0 and at most 1; 1 keeps every token"),
            "top_k": (self.top_k >= -1, "0 or -1 for every token, or a count of tokens"),
            "min_p": (0 <= self.min_p <= 1, "between 0 and 1; 0 keeps every token"),
            "repetition_penalty": (0 < self.repetition_penalty < math.inf, "above 0; 1 is none"),
            "presence_penalty": (-2 <= self.presence_penalty <= 2, "between -2 and 2; 0 is none"),
            "frequency_penalty": (-2 <= self.frequency_penalty <= 2, "between -2 and 2; 0 is none"),
            "min_tokens": (self.min_tokens >= 0, "0 or more"),
        }
        for name, (fits, range_) in allowed.items():
            if not fits:
                yield Problem(f"{getattr(self, name)} is out of range", name, f"allowed: {range_}")
