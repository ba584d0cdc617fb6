"""Where running requests keep their keys and values: pages of rows, within a bound.

A page is one tensor with a few rows of equal length, so that all rows of a page attend in one
call and without a copy. Rows come in lengths of powers of two: what a page reads beyond a
short row is then little. A row is reserved for prompt and answer at once; a request that has
joined cannot run out of room in the middle.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = ["Page", "Pages", "Place", "Shape"]

_SHORTEST = 256  # tokens
_ROWS = 8
_PAGE = 8192  # tokens: a page of longer rows has fewer of them


@dataclass(frozen=True, slots=True)
class Shape:
    """What a model keeps for each token, and where."""

    layers: int
    heads: int
    size: int
    dtype: torch.dtype
    device: torch.device

    @property
    def bytes_per_token(self) -> int:
        """Keys and values of all layers."""
        return self.layers * 2 * self.heads * self.size * int(self.dtype.itemsize)


class Page:
    """Rows of one length. ``store`` is rows, layers, keys and values, heads, tokens, size.

    A row is one stretch of memory, and costs none on a CPU before somebody writes to it.
    It begins as zeros, and stays numbers: what attention masks out is multiplied by zero, and
    zero times whatever memory held before need not be zero.
    """

    def __init__(self, shape: Shape, rows: int, length: int) -> None:
        self.rows = rows
        self.length = length
        self.free = list(range(rows - 1, -1, -1))
        self.store = torch.zeros(
            (rows, shape.layers, 2, shape.heads, length, shape.size),
            dtype=shape.dtype,
            device=shape.device,
        )
        self.layers = self.store.unbind(1)

    @property
    def empty(self) -> bool:
        """Whether no row is taken."""
        return len(self.free) == self.rows


@dataclass(frozen=True, slots=True)
class Place:
    """One row of a page."""

    page: Page
    row: int

    def keys(self, start: int, end: int) -> torch.Tensor:
        """What is kept of those tokens: layers, keys and values, heads, tokens, size."""
        return self.page.store[self.row, :, :, :, start:end]

    def wipe(self, tokens: int) -> None:
        """Make what was kept zeros again, after something went wrong in it."""
        self.keys(0, tokens).zero_()


class Pages:
    """All pages; ``limit`` is the most tokens that they may have room for, free rows included."""

    def __init__(self, shape: Shape, limit: int) -> None:
        self.shape = shape
        self.limit = limit
        self.reserved = 0
        self._pages: list[Page] = []

    @property
    def allocated(self) -> int:
        """Tokens that there is room for."""
        return sum(page.rows * page.length for page in self._pages)

    def length(self, tokens: int) -> int:
        """How long a row is that holds so many tokens."""
        return min(max(_SHORTEST, 1 << (tokens - 1).bit_length()), self.limit)

    def place(self, tokens: int, room: int) -> Place | None:
        """A row for so many tokens; a new page may take ``room`` tokens. None: it is full.

        Where there is no room for a page of the fitting length, a longer row does.
        """
        length = self.length(tokens)
        page = self._fitting(length, length) or self._new(length, room)
        page = page or self._fitting(length, self.limit)
        if page is None:
            return None
        self.reserved += page.length
        return Place(page, page.free.pop())

    def _fitting(self, least: int, most: int) -> Page | None:
        """The page of the shortest rows within these lengths that has one free."""
        found = [page for page in self._pages if page.free and least <= page.length <= most]
        return min(found, key=lambda page: page.length, default=None)

    def _new(self, length: int, room: int) -> Page | None:
        rows = min(_ROWS, max(1, _PAGE // length), room // length)
        if rows < 1:
            return None
        page = Page(self.shape, rows, length)
        self._pages.append(page)
        return page

    def free(self, place: Place) -> None:
        """Give a row back; its page stays for the next, until `trim`."""
        page = place.page
        page.free.append(place.row)
        page.free.sort(reverse=True)  # the lowest row is given out first: a step reads up to it
        self.reserved -= page.length

    def trim(self) -> bool:
        """Let go of the pages without a request; False where there is none."""
        kept = [page for page in self._pages if not page.empty]
        trimmed = len(kept) < len(self._pages)
        self._pages = kept
        return trimmed
