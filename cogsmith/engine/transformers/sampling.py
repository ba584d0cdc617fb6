"""From the model's logits to the next token: one picker per request.

The order is vLLM's: end tokens held back, penalties, temperature, min_p, top_k, top_p, draw.
"""

from __future__ import annotations

import torch

from cogsmith.engine.engine import Request
from cogsmith.engine.sampling import Sampling

__all__ = ["Picker", "filter_logits"]


_LIKELIEST = 512


class Picker:
    """Draws a request's tokens; two with the same request draw the same ones.

    ``penalized`` are the prompt's tokens that the repetition penalty weighs on; ``end_ids``
    are held back until the answer has ``min_tokens`` tokens.
    """

    def __init__(
        self,
        request: Request,
        *,
        penalized: tuple[int, ...],
        end_ids: frozenset[int],
        device: torch.device,
    ) -> None:
        self._sampling = request.sampling
        self._ends = torch.tensor(sorted(end_ids), dtype=torch.long, device=device)
        self._prompt = torch.tensor(penalized, dtype=torch.long, device=device)
        self._counts: torch.Tensor | None = None
        self._picked = 0
        self._generator = torch.Generator(device=device)
        if request.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(request.seed)

    def pick(self, logits: torch.Tensor) -> int:
        """The next token, given the logits (one per token of the vocabulary)."""
        logits = logits.float()
        if self._picked < self._sampling.min_tokens and len(self._ends):
            logits = logits.index_fill(0, self._ends, -torch.inf)
        logits = self._penalize(logits)
        if self._sampling.greedy:
            token = int(logits.argmax())
        else:
            weights = filter_logits(logits, self._sampling).softmax(dim=-1)
            token = int(torch.multinomial(weights, 1, generator=self._generator))
        self._note(token, logits)
        return token

    def _penalize(self, logits: torch.Tensor) -> torch.Tensor:
        sampling = self._sampling
        if sampling.repetition_penalty != 1:
            seen = torch.zeros_like(logits, dtype=torch.bool).index_fill_(0, self._prompt, True)
            if self._counts is not None:
                seen |= self._counts > 0
            penalty = sampling.repetition_penalty
            logits = torch.where(
                seen, torch.where(logits > 0, logits / penalty, logits * penalty), logits
            )
        if self._counts is not None:
            logits = logits - sampling.frequency_penalty * self._counts
            logits = logits - sampling.presence_penalty * (self._counts > 0)
        return logits

    def _note(self, token: int, logits: torch.Tensor) -> None:
        self._picked += 1
        sampling = self._sampling
        if (sampling.repetition_penalty, sampling.presence_penalty, sampling.frequency_penalty) == (
            1,
            0,
            0,
        ):
            return
        if self._counts is None:
            self._counts = torch.zeros_like(logits)
        self._counts[token] += 1


def filter_logits(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Logits at that temperature, with -inf for every token that may not be drawn."""
    logits = logits / sampling.temperature
    if sampling.min_p > 0:
        floor = logits.max() + torch.log(torch.tensor(sampling.min_p))
        logits = logits.masked_fill(logits < floor, -torch.inf)
    if 0 < sampling.top_k < logits.shape[-1]:
        # Exactly k, even where several tokens are equally likely.
        kept = logits.topk(sampling.top_k)
        logits = torch.full_like(logits, -torch.inf).scatter(0, kept.indices, kept.values)
    if sampling.top_p < 1:
        kept_ids = _nucleus(logits.softmax(dim=-1), sampling.top_p)
        logits = torch.full_like(logits, -torch.inf).scatter(0, kept_ids, logits[kept_ids])
    return logits


def _nucleus(chances: torch.Tensor, top_p: float) -> torch.Tensor:
    """The fewest tokens whose chances reach ``top_p``.

    They are nearly always among the likeliest few hundred; sorting all of a large vocabulary
    at each step costs milliseconds on a CPU.
    """
    size = chances.shape[-1]
    likeliest = chances.topk(min(_LIKELIEST, size))
    if size > _LIKELIEST and float(likeliest.values.sum()) < top_p:
        likeliest = chances.topk(size)
    # A token stays while those before it have not reached top_p: the first always does.
    before = likeliest.values.cumsum(dim=-1) - likeliest.values
    return likeliest.indices[before < top_p]
