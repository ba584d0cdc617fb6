"""Beginnings that were read already: the keys and values of finished requests, kept a while.

Prompts of one application begin alike (one system prompt, a conversation so far), and what
a token leaves in the cache depends on the tokens before it alone. So a request that begins
as an earlier one copies that part and reads only the rest.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterable

import torch

from cogsmith.engine.transformers.pages import Place

__all__ = ["Prefixes", "common", "encoded"]

_WORTH = 16  # tokens: fewer are not worth a copy, let alone keeping
_MOST = 128  # so that looking through them costs next to nothing


def encoded(tokens: Iterable[int]) -> bytes:
    """Token ids as bytes, four each: whole beginnings are then compared by one memcmp."""
    return array("I", tokens).tobytes()


def common(one: bytes, other: bytes) -> int:
    """How many tokens two texts of `encoded` tokens begin with alike."""
    low, high = 0, min(len(one), len(other)) // 4
    if one[: high * 4] == other[: high * 4]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if one[low * 4 : middle * 4] == other[low * 4 : middle * 4]:
            low = middle
        else:
            high = middle
    return low


class Prefixes:
    """What is kept, least recently used first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, bytes], torch.Tensor] = OrderedDict()
        self.tokens = 0

    def longest(self, tokens: bytes, adapter: str = "") -> tuple[int, torch.Tensor | None]:
        """How many of these tokens were read before, and what they left (the first of it).

        What an adapter has read is of use to that adapter alone.
        """
        own = [kept for by, kept in self._kept if by == adapter]
        best = max(own, key=lambda kept: common(kept, tokens), default=b"")
        count = common(best, tokens)
        if count < _WORTH:
            return 0, None
        self._kept.move_to_end((adapter, best))
        return count, self._kept[adapter, best]

    def keep(self, tokens: bytes, place: Place, adapter: str = "") -> None:
        """Copy what a request leaves behind; whatever that continues is dropped for it."""
        count = len(tokens) // 4
        own = [kept for by, kept in self._kept if by == adapter]
        if count < _WORTH or any(kept.startswith(tokens) for kept in own):
            return
        copy = place.keys(0, count).clone()
        for kept in [kept for kept in own if tokens.startswith(kept)]:
            self._drop((adapter, kept))
        self._kept[adapter, tokens] = copy
        self.tokens += count
        if len(self._kept) > _MOST:
            self.forget()

    def forget(self) -> bool:
        """Drop the one not used for longest; False where there is none."""
        if not self._kept:
            return False
        self._drop(next(iter(self._kept)))
        return True

    def _drop(self, kept: tuple[str, bytes]) -> None:
        del self._kept[kept]
        self.tokens -= len(kept[1]) // 4
