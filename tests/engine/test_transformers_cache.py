"""Pages, kept beginnings and the bound of both."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs an environment with torch and transformers")

from cogsmith.engine.transformers import memory  # noqa: E402
from cogsmith.engine.transformers.pages import Pages, Place, Shape  # noqa: E402
from cogsmith.engine.transformers.prefixes import Prefixes, common, encoded  # noqa: E402

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore")]

SHAPE = Shape(layers=1, heads=1, size=2, dtype=torch.float32, device=torch.device("cpu"))
TOKENS = st.lists(st.integers(0, 2), max_size=40)


@given(TOKENS, TOKENS, TOKENS)
def test_common_beginnings(shared: list[int], one: list[int], other: list[int]) -> None:
    first, second = [*shared, *one], [*shared, *other]
    pairs = zip(first, second, strict=False)
    expected = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))
    assert common(encoded(first), encoded(second)) == expected


@settings(deadline=None)
@given(st.lists(st.integers(1, 3000) | st.just(0), max_size=40), st.integers(300, 20000))
def test_rows_never_overlap_nor_outgrow_the_limit(sizes: list[int], limit: int) -> None:
    pages, taken = Pages(SHAPE, limit), []
    for size in sizes:
        if size == 0:
            if taken:
                pages.free(taken.pop(0)[0])
            pages.trim()
            continue
        place = pages.place(min(size, limit), limit - pages.allocated)
        if place is not None:
            assert place.page.length >= min(size, limit)
            taken.append((place, size))
        assert pages.allocated <= limit
        assert pages.reserved == sum(place.page.length for place, _ in taken)
        rows = {(id(place.page), place.row) for place, _ in taken}
        assert len(rows) == len(taken)
    for place, _ in taken:
        pages.free(place)
    assert pages.reserved == 0
    pages.trim()
    assert pages.allocated == 0
    assert pages.place(limit, limit) is not None


def kept(prefixes: Prefixes, tokens: list[int], mark: float) -> None:
    place = Pages(SHAPE, 999).place(len(tokens), 999)
    assert isinstance(place, Place)
    place.keys(0, len(tokens)).fill_(mark)
    prefixes.keep(encoded(tokens), place)


def test_the_longest_beginning_is_found_and_the_least_used_forgotten() -> None:
    prefixes = Prefixes()
    one, two = [1] * 20, [2] * 30
    kept(prefixes, one, 1.0)
    kept(prefixes, two, 2.0)
    count, found = prefixes.longest(encoded([*one, 5]))
    assert count == 20
    assert found is not None
    assert float(found.max()) == 1.0
    assert prefixes.longest(encoded([1] * 5)) == (0, None)
    prefixes.forget()
    assert prefixes.longest(encoded(two)) == (0, None)
    assert prefixes.tokens == 20


def test_what_is_continued_is_kept_once() -> None:
    prefixes = Prefixes()
    kept(prefixes, [1] * 20, 1.0)
    kept(prefixes, [1] * 40, 2.0)
    assert prefixes.tokens == 40
    kept(prefixes, [1] * 30, 3.0)
    assert prefixes.tokens == 40
    kept(prefixes, [3] * 5, 4.0)
    assert prefixes.tokens == 40


def test_not_so_many_that_looking_takes_long() -> None:
    prefixes = Prefixes()
    for number in range(140):
        kept(prefixes, [number, *range(20)], 1.0)
    assert prefixes.tokens == 128 * 21


def test_a_share_of_what_is_free(tmp_path: Path) -> None:
    told = tmp_path / "meminfo"
    told.write_text("MemTotal:  9000 kB\nMemAvailable:  1000 kB\nSwap: 0 kB\n")
    assert memory._available(told) == 1_024_000
    assert memory._available(tmp_path / "none") > 0
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("2000\n")
    assert memory._quota(tmp_path) == 3000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._quota(tmp_path) > 2**60


def test_no_more_than_every_request_could_use() -> None:
    assert memory.cache_tokens(SHAPE, context=100, max_batch=4) == 400
    assert memory.cache_tokens(SHAPE, context=None, max_batch=4) > 10_000
