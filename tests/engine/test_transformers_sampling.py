from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs an environment with torch and transformers")

from cogsmith.engine.engine import Request  # noqa: E402
from cogsmith.engine.sampling import Sampling  # noqa: E402
from cogsmith.engine.transformers.sampling import Picker, filter_logits  # noqa: E402

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore")]

WIDE = st.integers(0, 99).map(
    lambda seed: torch.randn(5000, generator=torch.Generator().manual_seed(seed))
)
LOGITS = st.lists(st.floats(-9, 9, width=32), min_size=3, max_size=30).map(torch.tensor)


def picker(sampling: Sampling, *, prompt: tuple[int, ...] = (), **more: Any) -> Picker:
    request = Request(id="a", token_ids=(0,), max_tokens=9, sampling=sampling, **more)
    return Picker(request, penalized=prompt, end_ids=frozenset({0}), device=torch.device("cpu"))


def kept(logits: Any) -> set[int]:
    return set(torch.isfinite(logits).nonzero().flatten().tolist())


@given(LOGITS, st.integers(1, 30))
def test_top_k_keeps_that_many(logits: Any, top_k: int) -> None:
    left = filter_logits(logits, Sampling(top_k=top_k))
    assert len(kept(left)) == min(top_k, len(logits))
    assert int(logits.argmax()) in kept(left) or logits.max() in logits[list(kept(left))]


@given(LOGITS | WIDE, st.floats(0.01, 0.99))
def test_top_p_keeps_the_fewest_that_reach_it(logits: Any, top_p: float) -> None:
    left = kept(filter_logits(logits, Sampling(top_p=top_p)))
    chances = sorted((logits.softmax(-1)[list(left)]).tolist(), reverse=True)
    assert sum(chances) >= top_p - 1e-5
    assert sum(chances[:-1]) < top_p + 1e-5


@given(LOGITS, st.floats(0.01, 1))
def test_min_p_keeps_what_is_near_the_likeliest(logits: Any, min_p: float) -> None:
    chances = logits.softmax(-1)
    left = kept(filter_logits(logits, Sampling(min_p=min_p)))
    assert left >= set((chances >= min_p * chances.max() * 1.001).nonzero().flatten().tolist())
    assert all(chances[i] >= min_p * chances.max() * 0.999 for i in left)


@given(LOGITS, st.integers(0, 12), st.floats(0.05, 1), st.floats(0.1, 3))
def test_filters_agree_with_those_of_transformers(
    logits: Any, top_k: int, top_p: float, temperature: float
) -> None:
    from transformers import (
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    logits = logits + torch.arange(len(logits)) * 1e-3  # no ties
    theirs = TemperatureLogitsWarper(temperature)(None, logits[None])
    if top_k:
        theirs = TopKLogitsWarper(top_k)(None, theirs)
    if top_p < 1:
        theirs = TopPLogitsWarper(top_p)(None, theirs)
    ours = filter_logits(logits, Sampling(temperature=temperature, top_k=top_k, top_p=top_p))
    differ = kept(ours) ^ kept(theirs[0])
    # One token may differ where the sum lands on top_p itself, within rounding.
    assert len(differ) <= 1
    both = list(kept(ours) & kept(theirs[0]))
    assert torch.allclose(ours[both], theirs[0][both], rtol=1e-4)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_tokens_are_drawn_as_often_as_they_should(seed: int) -> None:
    logits = torch.tensor([0.0, 1.0, 2.0, 0.5])
    source = picker(Sampling(temperature=0.8), seed=seed)
    drawn = torch.bincount(torch.tensor([source.pick(logits) for _ in range(4000)]), minlength=4)
    expected = (logits / 0.8).softmax(-1) * 4000
    # Chi-square with 3 degrees of freedom: above 30 once in a million.
    assert float(((drawn - expected) ** 2 / expected).sum()) < 30


def test_the_seed_decides_and_zero_is_one() -> None:
    logits = torch.zeros(1000)

    def drawn(seed: int | None) -> list[int]:
        source = picker(Sampling(), seed=seed)
        return [source.pick(logits) for _ in range(5)]

    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)
    assert drawn(None) != drawn(None)


def test_greedy_takes_the_likeliest_whatever_the_seed() -> None:
    assert picker(Sampling(temperature=0), seed=3).pick(torch.tensor([0.0, 3.0, 2.0])) == 1


def test_penalties_weigh_as_in_vllm() -> None:
    sampling = Sampling(
        temperature=0, repetition_penalty=2, presence_penalty=0.5, frequency_penalty=0.25
    )
    source = picker(sampling, prompt=(1,))
    logits = torch.tensor([-9.0, 8.0, 5.0, 4.9, -1.0])
    # Token 1 is in the prompt: 8 / 2 = 4. So 2 is picked, then weighs 5 / 2 - 0.25 - 0.5.
    assert [source.pick(logits) for _ in range(3)] == [2, 3, 1]
    # 1: 4 - 0.75 = 3.25; 2: 1.75; 3: 1.7; 4 was never seen: -1. So 1 again, now - 0.25.
    assert [source.pick(logits) for _ in range(2)] == [1, 1]


def test_the_end_waits_for_min_tokens() -> None:
    source = picker(Sampling(temperature=0, min_tokens=2))
    logits = torch.tensor([5.0, 1.0, 2.0])
    assert [source.pick(logits) for _ in range(3)] == [2, 2, 0]


def test_half_precision_is_drawn_in_full() -> None:
    assert picker(Sampling(), seed=1).pick(torch.zeros(50_000, dtype=torch.bfloat16)) >= 0
