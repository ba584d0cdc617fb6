"""Continuous batching: one forward pass a step for every request that runs.

A step takes one token of each request that is being answered and some of the prompts that are
being read, as many as leave the others' pace alone. Requests join and leave between steps. A
prompt that begins as another's does copies that part; where the other is being read just now,
it waits for it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from cogsmith.engine.engine import Capabilities, Chunk, Request
from cogsmith.engine.transformers.attention import Piece, Step
from cogsmith.engine.transformers.failures import STEP_FAILURES, failure, is_memory, no_number
from cogsmith.engine.transformers.lora import Deltas, Part, Seams, Shelf
from cogsmith.engine.transformers.pages import Pages, Place, Shape
from cogsmith.engine.transformers.prefixes import Prefixes, common, encoded
from cogsmith.engine.transformers.runner import Outcome
from cogsmith.engine.transformers.sampling import Picked, Picker, pick
from cogsmith.errors import EngineError

__all__ = ["Batch", "Limits", "shares"]

_WORTH_WAITING = 64  # tokens that another request is about to read for us


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds: tokens that the cache may hold, requests at once, prompt tokens in a step.

    ``alone`` is for steps in which nobody waits for a next token, ``beside`` for the others.
    ``adapters`` is how many of them stay ready.
    """

    cache_tokens: int
    max_batch: int
    alone: int = 512
    beside: int = 128
    adapters: int = 8


@dataclass(slots=True, eq=False)
class _Row:
    """A request that runs: ``tokens`` are prompt and answer, the first ``written`` are kept."""

    request: Request
    picker: Picker
    ends: frozenset[int]
    place: Place
    tokens: list[int]
    prompt: bytes
    deltas: Deltas | None = None
    written: int = 0
    leader: _Row | None = None
    shared: int = 0

    @property
    def todo(self) -> int:
        """Tokens to be read before the next can be picked; 0 while another reads for us."""
        return 0 if self.leader is not None else len(self.tokens) - self.written

    @property
    def adapter(self) -> str:
        """The name of the adapter's content: what was read with another is of no use."""
        return "" if self.deltas is None else self.deltas.key

    @property
    def left(self) -> int:
        """Tokens that the answer may still have."""
        return len(self.request.token_ids) + self.request.max_tokens - len(self.tokens)

    def copy(self, kept: torch.Tensor, count: int) -> None:
        """Take over what another left behind for our first ``count`` tokens."""
        start = self.written
        self.place.keys(start, count).copy_(kept[..., start:count, :])
        self.written = count


def shares(todo: Sequence[int], limits: Limits) -> list[int]:
    """How many tokens of each request a step reads, given how many each has to go.

    >>> shares([1, 300, 300], Limits(cache_tokens=9999, max_batch=8, alone=512, beside=350))
    [1, 300, 50]
    """
    budget = limits.beside if 1 in todo else limits.alone
    counts = []
    for size in todo:
        counts.append(size if size <= 1 else min(size, budget))
        budget -= counts[-1] if size > 1 else 0
    return counts


class Batch:
    """Runs a decoder-only model for many requests at once."""

    def __init__(
        self,
        model: Any,
        capabilities: Capabilities,
        end_ids: frozenset[int],
        *,
        shape: Shape,
        limits: Limits,
    ) -> None:
        """Take a model whose attention is ours (`attention.NAME`)."""
        self.capabilities = capabilities
        self._model = model
        self._seams = Seams(model)
        self.shelf = Shelf(self._seams, limits.adapters)
        self._end_ids = end_ids
        self._limits = limits
        self._rows: dict[int, _Row] = {}
        self._pages = Pages(shape, limits.cache_tokens)
        self._prefixes = Prefixes()

    @property
    def used(self) -> float:
        """The share of the cache that running requests have reserved."""
        return self._pages.reserved / self._pages.limit

    def join(self, number: int, request: Request, deltas: Deltas | None = None) -> bool:
        """Take a request in where there is room for its prompt and answer."""
        if len(self._rows) >= self._limits.max_batch:
            return False
        with torch.inference_mode():
            place = self._place(len(request.token_ids) + request.max_tokens)
            if place is None:
                return False
            self._rows[number] = row = self._row(request, place)
            row.deltas = deltas
            self._adopt(row)
        return True

    def leave(self, number: int) -> None:
        """Forget a request; what it has read may serve others."""
        row = self._rows.get(number)
        if row is None:
            return
        if len(row.tokens) > len(row.request.token_ids):
            self._retire(number)
        else:
            self._discard(number)  # no logits have shown yet that its keys are numbers

    def step(self) -> list[Outcome]:
        """One forward pass; if it fails, those who were in it fail, and nobody else."""
        planned = self._plan()
        try:
            with torch.inference_mode():
                picked = self._forward(planned)
        except STEP_FAILURES as problem:
            return self._fail(planned, problem)
        for number, piece in planned.items():
            self._rows[number].written = piece.end
        return [(number, self._tell(number, one)) for number, one in picked.items()]

    def _row(self, request: Request, place: Place) -> _Row:
        ends = self._end_ids | request.stop_ids
        picker = Picker(
            request,
            penalized=request.token_ids,
            end_ids=ends,
            device=self._pages.shape.device,
        )
        tokens = list(request.token_ids)
        return _Row(request, picker, ends, place, tokens, encoded(tokens))

    def _place(self, tokens: int) -> Place | None:
        """A row, for which finished requests' leavings make room if they must."""
        pages, prefixes = self._pages, self._prefixes
        while True:
            place = pages.place(tokens, pages.limit - pages.allocated - prefixes.tokens)
            if place is not None:
                return place
            if pages.trim():
                continue
            if pages.length(tokens) > pages.limit - pages.allocated or not prefixes.forget():
                return None

    def _adopt(self, row: _Row) -> None:
        """Copy the longest beginning that somebody has read; wait for one being read now."""
        row.leader = None
        wanted = row.prompt[:-4]  # the last token is read in any case: its logits are wanted
        count, kept = self._prefixes.longest(wanted, row.adapter)
        best: _Row | None = None
        for other in self._rows.values():
            if other is row:
                break  # those behind us may wait for us
            if other.adapter != row.adapter:
                continue
            shared = common(wanted, other.prompt)
            if shared > (row.shared if best else 0):
                best, row.shared = other, shared
        if best is not None and min(row.shared, best.written) > count:
            count = min(row.shared, best.written)
            kept = best.place.keys(0, count)
        if kept is not None and count > row.written:
            # A copy that fails only costs the reading.
            with torch.inference_mode(), contextlib.suppress(*STEP_FAILURES):
                row.copy(kept, count)
        if best is not None and row.shared - row.written >= _WORTH_WAITING:
            row.leader = best

    def _plan(self) -> dict[int, Piece]:
        rows = self._rows
        running = set(map(id, rows.values()))
        for row in rows.values():
            if row.leader is None:
                continue
            if id(row.leader) not in running or row.leader.written >= row.shared:
                self._adopt(row)
        counts = shares([row.todo for row in rows.values()], self._limits)
        return {
            number: Piece(row.place, row.written, count)
            for (number, row), count in zip(rows.items(), counts, strict=True)
            if count
        }

    def _forward(self, planned: dict[int, Piece]) -> dict[int, Picked | None]:
        """Read the pieces; pick the next token of each request that has none to go."""
        given = list(planned.items())
        step = Step([piece for _, piece in given])
        ids: list[int] = []
        ends: dict[int, int] = {}
        for number, piece in (given[at] for at in step.order):
            tokens = self._rows[number].tokens
            ids += tokens[piece.start : piece.end]
            if piece.end == len(tokens):
                ends[number] = len(ids) - 1
        device = self._pages.shape.device
        with self._seams.use(self._parts([given[at] for at in step.order])):
            out = self._model(
                input_ids=torch.tensor([ids], device=device),
                position_ids=torch.tensor([step.positions()], device=device),
                use_cache=False,
                logits_to_keep=torch.tensor(list(ends.values()) or [0], device=device),
                step=step,
            )
        pickers = [self._rows[number].picker for number in ends]
        return dict(zip(ends, pick(out.logits[0], pickers), strict=True)) if ends else {}

    def _parts(self, given: Sequence[tuple[int, Piece]]) -> list[Part]:
        """Each adapter of the step, with the places of its tokens."""
        places: dict[str, list[int]] = {}
        found: dict[str, Deltas] = {}
        begin = 0
        for number, piece in given:
            deltas = self._rows[number].deltas
            if deltas is not None:
                found[deltas.key] = deltas
                places.setdefault(deltas.key, []).extend(range(begin, begin + piece.count))
            begin += piece.count
        device = self._pages.shape.device
        return [
            Part(one, None if len(at) == begin else torch.tensor(at, device=device))
            for one, at in ((found[key], places[key]) for key in found)
        ]

    def _tell(self, number: int, picked: Picked | None) -> Chunk | EngineError:
        row = self._rows[number]
        if picked is None:
            self._discard(number)
            return no_number()
        if picked.token in row.ends:
            self._retire(number)
            return Chunk(finish_reason="stop")
        row.tokens.append(picked.token)
        told = () if picked.logprobs is None else (picked.logprobs,)
        last = not row.left
        if last:
            self._retire(number)
        return Chunk(
            token_ids=(picked.token,), logprobs=told, finish_reason="length" if last else None
        )

    def _retire(self, number: int) -> None:
        """Keep what was read, where there is room, and give the row back."""
        row = self._rows.pop(number)
        pages, prefixes = self._pages, self._prefixes
        pages.free(row.place)
        if pages.allocated + prefixes.tokens + row.written > pages.limit:
            pages.trim()
        room = pages.limit - pages.allocated - row.written
        while 0 <= room < prefixes.tokens:
            prefixes.forget()
        if room >= 0:
            # Nobody waits for it: a copy for which there is no memory is not missed.
            with torch.inference_mode(), contextlib.suppress(*STEP_FAILURES):
                prefixes.keep(encoded(row.tokens[: row.written]), row.place, row.adapter)

    def _discard(self, number: int) -> None:
        """Give a row back, less what went wrong in it."""
        row = self._rows.pop(number)
        with torch.inference_mode():
            row.place.wipe(len(row.tokens))
        self._pages.free(row.place)

    def _fail(self, planned: dict[int, Piece], problem: Exception) -> list[Outcome]:
        for number in planned:
            self._discard(number)
        if is_memory(problem):
            while self._prefixes.forget():
                pass
            if self._pages.shape.device.type == "cuda":
                torch.cuda.empty_cache()
        error = failure(problem)
        return [(number, error) for number in planned]
