"""Attention for a step's tokens, which belong to many requests: our part in a forward pass.

All tokens of a step go through the model as one row, ``[1, tokens]``: the linear layers do
not care whose token is whose. Attention does, and transformers lets us bring our own
(`register`); it puts new keys and values into their pages and lets each request see its own.

Scores that a mask leaves out are -inf, so they weigh an exact zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from cogsmith.engine.transformers.pages import Page, Place

__all__ = ["NAME", "Piece", "Step", "register"]

NAME = "cogsmith"

# What some models ask of attention beside the usual, and we do not do.
_FOREIGN = ("softcap", "s_aux", "position_bias")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some consecutive tokens of one request: ``count`` of them, the first at ``start``."""

    place: Place
    start: int
    count: int

    @property
    def end(self) -> int:
        """One behind the last."""
        return self.start + self.count


class _Part(Protocol):
    """Pieces that attend in one call; their tokens lie side by side in the step."""

    count: int

    def attend(self, call: _Call) -> torch.Tensor:
        """Keep the new keys and values; the outcome is tokens, heads, size."""


@dataclass(slots=True)
class _Call:
    """One layer's attention: queries of a part, new keys and values, and how to weigh."""

    layer: int
    query: torch.Tensor  # heads, tokens, size
    fresh: torch.Tensor  # keys and values, key heads, tokens, size
    scale: float
    window: int | None


class Step:
    """One forward pass. Pieces of one token go first, those of a page side by side."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        """Sort the pieces; `order` tells which of those given comes where."""
        self.windows: dict[int, int | None] = {}
        keyed = [
            (piece.count > 1, id(piece.place.page), piece.place.row, number)
            for number, piece in enumerate(pieces)
        ]
        self.order = [number for *_, number in sorted(keyed)]
        self.pieces = [pieces[number] for number in self.order]
        self._parts = self._divide()

    def positions(self) -> list[int]:
        """Each token's place in its own request."""
        return [at for piece in self.pieces for at in range(piece.start, piece.end)]

    def attend(self, call: _Call) -> torch.Tensor:
        """One layer: tokens, heads, size."""
        self.windows[call.layer] = call.window
        if len(self._parts) == 1:
            return self._parts[0].attend(call)
        outcomes, begin = [], 0
        for part in self._parts:
            end = begin + part.count
            query, fresh = call.query[:, begin:end], call.fresh[:, :, begin:end]
            outcomes.append(part.attend(_Call(call.layer, query, fresh, call.scale, call.window)))
            begin = end
        return torch.cat(outcomes)

    def _divide(self) -> list[_Part]:
        parts: list[_Part] = []
        singles: dict[int, list[Piece]] = {}
        for piece in self.pieces:
            if piece.count == 1:
                singles.setdefault(id(piece.place.page), []).append(piece)
        for group in singles.values():
            parts.append(_Rows(group) if len(group) > 1 else _One(group[0]))
        return parts + [_One(piece) for piece in self.pieces if piece.count > 1]


class _One:
    """A piece by itself."""

    def __init__(self, piece: Piece) -> None:
        self.count = piece.count
        self._piece = piece
        self._masks: dict[int | None, torch.Tensor] = {}

    def attend(self, call: _Call) -> torch.Tensor:
        piece = self._piece
        kept = piece.place.page.layers[call.layer][piece.place.row]
        kept[:, :, piece.start : piece.end] = call.fresh
        first = _first(piece.start, call.window)
        keys, values = kept[:, None, :, first : piece.end].unbind(0)
        if piece.count == 1:
            return _single(call, keys, values)
        groups = call.query.shape[0] // keys.shape[1]
        if groups > 1:
            keys, values = (one.repeat_interleave(groups, dim=1) for one in (keys, values))
        # From the beginning, and no window in the way: the kernels know that shape themselves.
        plain = piece.start == 0 and (call.window is None or piece.end <= call.window)
        mask = None if plain else self._mask(first, call.window, keys.device)
        found = scaled_dot_product_attention(
            call.query[None], keys, values, attn_mask=mask, is_causal=plain, scale=call.scale
        )
        return found[0].transpose(0, 1)

    def _mask(self, first: int, window: int | None, device: torch.device) -> torch.Tensor:
        if window not in self._masks:
            asks = torch.arange(self._piece.start, self._piece.end, device=device)[:, None]
            keys = torch.arange(first, self._piece.end, device=device)
            mask = keys <= asks
            if window is not None:
                mask &= keys > asks - window
            self._masks[window] = mask
        return self._masks[window]


class _Rows:
    """One token each of several rows of a page."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.count = len(pieces)
        self._page: Page = pieces[0].place.page
        rows = [piece.place.row for piece in pieces]
        device = self._page.store.device
        self._high = rows[-1] + 1
        self._whole = len(rows) == self._high
        self._rows = torch.tensor(rows, device=device)
        self._starts = torch.tensor([piece.start for piece in pieces], device=device)
        self._start, self._end = min(p.start for p in pieces), max(p.end for p in pieces)
        self._masks: dict[int | None, torch.Tensor] = {}

    def attend(self, call: _Call) -> torch.Tensor:
        kept = self._page.layers[call.layer]
        kept[self._rows, :, :, self._starts] = call.fresh.permute(2, 0, 1, 3)
        first = _first(self._start, call.window)
        keys, values = kept[: self._high, :, :, first : self._end].unbind(1)
        tokens = call.query.transpose(0, 1)
        query = tokens if self._whole else self._spread(tokens)
        found = scaled_dot_product_attention(
            query.reshape(self._high, keys.shape[1], -1, query.shape[-1]),
            keys,
            values,
            attn_mask=self._mask(first, call.window),
            scale=call.scale,
        ).reshape(query.shape[0], query.shape[1], -1)
        return found if self._whole else found[self._rows]

    def _spread(self, tokens: torch.Tensor) -> torch.Tensor:
        """Each row's query in its row; rows between them that have none ask with zeros."""
        spread = tokens.new_zeros((self._high, *tokens.shape[1:]))
        spread[self._rows] = tokens
        return spread

    def _mask(self, first: int, window: int | None) -> torch.Tensor:
        if window not in self._masks:
            keys = torch.arange(first, self._end, device=self._starts.device)
            asks = self._starts[:, None]
            mask = keys <= asks
            if window is not None:
                mask &= keys > asks - window
            if not self._whole:
                # A row that has no query may look at anything but nothing: no 0 / 0.
                own, mask = mask, mask.new_ones((self._high, len(keys)))
                mask[self._rows] = own
            self._masks[window] = mask[:, None, None]
        return self._masks[window]


def _single(call: _Call, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """One query sees every key: the heads that share keys ask as if they were tokens."""
    query = call.query.reshape(1, keys.shape[1], -1, call.query.shape[-1])
    found = scaled_dot_product_attention(query, keys, values, scale=call.scale)
    return found.reshape(1, call.query.shape[0], -1)


def _first(start: int, window: int | None) -> int:
    """The first key that a token there, or behind it, may see."""
    return 0 if window is None else max(0, start - window + 1)


def _attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _mask: object,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """What transformers calls in every layer; the step comes through the model's keywords."""
    if foreign := [name for name in _FOREIGN if options.get(name) is not None]:
        raise NotImplementedError(f"attention with {foreign[0]}")
    step: Step = options["step"]
    scale = options.get("scaling")
    call = _Call(
        layer=module.layer_idx,
        query=query[0],
        fresh=torch.stack((key[0], value[0])),
        scale=query.shape[-1] ** -0.5 if scale is None else float(scale),
        window=options.get("sliding_window"),
    )
    return step.attend(call)[None], None


def register() -> None:
    """Make our attention known to transformers, under `NAME`."""
    AttentionInterface.register(NAME, _attend)
