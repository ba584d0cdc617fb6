"""From the model's logits to the next tokens, for all requests of a step at once.

The order is vLLM's: end tokens held back, penalties, temperature, min_p, top_k, top_p, draw.
A token is drawn with one number of the request's own generator, by going along the
probabilities in the order of token ids: so neither the company nor the order of nearly
equal logits has a say in it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from cogsmith.engine.engine import Request
from cogsmith.engine.sampling import Sampling

__all__ = ["Picked", "Picker", "filter_logits", "pick"]


_LIKELIEST = 512


@dataclass(frozen=True, slots=True)
class Picked:
    """A token, and the log probabilities that were asked for: likeliest first, it included."""

    token: int
    logprobs: Mapping[int, float] | None = None


class Picker:
    """A request's share in picking: its parameters, its random numbers, what it has said.

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
        self.sampling = request.sampling
        self.wanted = request.logprobs
        self._ends = torch.tensor(sorted(end_ids), dtype=torch.long, device=device)
        self._penalized = penalized
        self._seen: torch.Tensor | None = None
        self._counts: torch.Tensor | None = None
        self._picked = 0
        self._random = random.Random(request.seed)  # noqa: S311 (a seed is to repeat)

    @property
    def shapes(self) -> bool:
        """Whether the next token's logits are to be changed before anything is drawn."""
        return self._holds or self._penalizes

    @property
    def _holds(self) -> bool:
        return self._picked < self.sampling.min_tokens and len(self._ends) > 0

    @property
    def _penalizes(self) -> bool:
        sampling = self.sampling
        return (
            sampling.repetition_penalty != 1
            or sampling.presence_penalty != 0
            or sampling.frequency_penalty != 0
        )

    def shape(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits (one per token of the vocabulary) with ends held back, and penalties."""
        if self._holds:
            logits = logits.index_fill(0, self._ends, -torch.inf)
        return self._penalize(logits) if self._penalizes else logits

    def chance(self) -> float:
        """The next random number, at least 0 and below 1."""
        return self._random.random()

    def note(self, token: int) -> None:
        """Remember what was picked."""
        self._picked += 1
        if self._counts is not None:
            self._counts[token] += 1

    def _penalize(self, logits: torch.Tensor) -> torch.Tensor:
        sampling = self.sampling
        if self._counts is None or self._seen is None:
            self._counts = torch.zeros_like(logits)
            prompt = torch.tensor(self._penalized, dtype=torch.long, device=logits.device)
            self._seen = torch.zeros_like(logits, dtype=torch.bool).index_fill_(0, prompt, True)
        said = self._counts > 0
        if sampling.repetition_penalty != 1:
            penalty = sampling.repetition_penalty
            heavier = torch.where(logits > 0, logits / penalty, logits * penalty)
            logits = torch.where(self._seen | said, heavier, logits)
        logits = logits - sampling.frequency_penalty * self._counts
        return logits - sampling.presence_penalty * said


def pick(logits: torch.Tensor, pickers: Sequence[Picker]) -> list[Picked | None]:
    """The next token of each row; None where the logits are not numbers.

    ``logits`` has a row per picker. Two pickers of equal requests pick equal tokens, whatever
    rows are beside theirs.
    """
    if logits.device.type == "mps":
        logits = logits.cpu()  # MPS has no float64
    raw = logits.float()
    tokens = _tokens(_shaped(raw, pickers), pickers)
    told = _logprobs(raw, pickers, tokens)
    found: list[Picked | None] = []
    for picker, token, logprobs in zip(pickers, tokens, told, strict=True):
        if token is not None:
            picker.note(token)
        found.append(None if token is None else Picked(token, logprobs))
    return found


def _shaped(raw: torch.Tensor, pickers: Sequence[Picker]) -> torch.Tensor:
    rows = [row for row, picker in enumerate(pickers) if picker.shapes]
    if not rows:
        return raw
    shaped = raw.clone()
    for row in rows:
        shaped[row] = pickers[row].shape(raw[row])
    return shaped


def _tokens(logits: torch.Tensor, pickers: Sequence[Picker]) -> list[int | None]:
    """Rows that are drawn alike go together; each way is one pass over all of its rows."""
    ways: dict[Callable[..., list[int | None]], list[int]] = {}
    for row, picker in enumerate(pickers):
        ways.setdefault(_way(picker.sampling, logits.shape[-1]), []).append(row)
    tokens: list[int | None] = [None] * len(pickers)
    for way, rows in ways.items():
        theirs = logits if len(rows) == len(pickers) else logits[rows]
        for row, token in zip(rows, way(theirs, [pickers[row] for row in rows]), strict=True):
            tokens[row] = token
    return tokens


def _way(sampling: Sampling, size: int) -> Callable[..., list[int | None]]:
    if sampling.greedy:
        return _likeliest
    if 0 < sampling.top_k < size:
        return _among_few
    return _among_all if sampling.top_p < 1 or sampling.min_p > 0 else _freely


def _likeliest(logits: torch.Tensor, pickers: Sequence[Picker]) -> list[int | None]:  # noqa: ARG001
    best = logits.max(dim=-1)
    values, tokens = best.values.tolist(), best.indices.tolist()
    return [
        None if math.isnan(value) else token for value, token in zip(values, tokens, strict=True)
    ]


def _freely(logits: torch.Tensor, pickers: Sequence[Picker]) -> list[int | None]:
    weights = (logits / _column(pickers, "temperature", logits)).softmax(dim=-1)
    return _settle(*_drawn(weights, pickers))


def _among_all(logits: torch.Tensor, pickers: Sequence[Picker]) -> list[int | None]:
    rows = [
        filter_logits(row, picker.sampling) for row, picker in zip(logits, pickers, strict=True)
    ]
    return _settle(*_drawn(torch.stack(rows).softmax(dim=-1), pickers))


def _among_few(logits: torch.Tensor, pickers: Sequence[Picker]) -> list[int | None]:
    """The same as `filter_logits` and a draw, over the few that any row's top_k leaves."""
    kept = logits.topk(max(picker.sampling.top_k for picker in pickers))
    values = kept.values / _column(pickers, "temperature", logits)
    ranks = torch.arange(values.shape[-1], device=logits.device)
    out = ranks >= _column(pickers, "top_k", logits)
    out |= values < values[:, :1] + _column(pickers, "min_p", logits).log()
    weights = values.masked_fill(out, -torch.inf).softmax(dim=-1)
    top_p = _column(pickers, "top_p", logits)
    before = weights.cumsum(dim=-1) - weights
    weights = weights.masked_fill((before >= top_p) & (top_p < 1), 0.0)
    ids, order = kept.indices.sort(dim=-1)
    at, sound = _drawn(weights.gather(-1, order), pickers)
    return _settle(ids.gather(-1, at), sound)


def _column(pickers: Sequence[Picker], name: str, like: torch.Tensor) -> torch.Tensor:
    values = [[getattr(picker.sampling, name)] for picker in pickers]
    return torch.tensor(values, dtype=torch.float32, device=like.device)


def _drawn(weights: torch.Tensor, pickers: Sequence[Picker]) -> tuple[torch.Tensor, torch.Tensor]:
    """Where each row's number falls along its weights, and whether those are numbers at all."""
    sums = weights.double().cumsum(dim=-1)
    total = sums[:, -1:]
    chances = torch.tensor([[picker.chance()] for picker in pickers], dtype=torch.float64)
    at = torch.searchsorted(sums, chances.to(sums.device) * total, right=True)
    last = torch.searchsorted(sums, total.contiguous())  # behind it all weights are 0
    # What is not a number is found behind everything.
    return torch.minimum(at, last).clamp(max=weights.shape[-1] - 1), torch.isfinite(total)


def _settle(tokens: torch.Tensor, sound: torch.Tensor) -> list[int | None]:
    pairs = torch.cat([tokens, sound], dim=-1).tolist()
    return [token if good else None for token, good in pairs]


def _logprobs(
    raw: torch.Tensor, pickers: Sequence[Picker], tokens: Sequence[int | None]
) -> list[Mapping[int, float] | None]:
    """What was asked for of the model's own distribution, before any parameter touches it."""
    told: list[Mapping[int, float] | None] = [None] * len(pickers)
    rows = [row for row, picker in enumerate(pickers) if picker.wanted is not None]
    if not rows:
        return told
    scores = raw[rows].log_softmax(dim=-1)
    counts = [min(pickers[row].wanted or 0, raw.shape[-1]) for row in rows]
    best = scores.topk(max(counts))
    chosen = scores.gather(-1, torch.tensor([[tokens[row] or 0] for row in rows]).to(raw.device))
    found = zip(best.indices.tolist(), best.values.tolist(), chosen.tolist(), strict=True)
    for row, count, (ids, values, [own]) in zip(rows, counts, found, strict=True):
        likeliest = dict(zip(ids[:count], values[:count], strict=True))
        told[row] = likeliest | {tokens[row] or 0: own}
    return told


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
