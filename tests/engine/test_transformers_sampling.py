from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs an environment with torch and transformers")

from cogsmith.engine.engine import Request  # noqa: E402
from cogsmith.engine.sampling import Sampling  # noqa: E402
from cogsmith.engine.transformers.sampling import Picker, filter_logits, pick  # noqa: E402

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore")]

WIDE = st.integers(0, 99).map(
    lambda seed: torch.randn(5000, generator=torch.Generator().manual_seed(seed))
)
LOGITS = st.lists(st.floats(-9, 9, width=32), min_size=3, max_size=30).map(torch.tensor)


def picker(sampling: Sampling, *, prompt: tuple[int, ...] = (), **more: Any) -> Picker:
    request = Request(id="a", token_ids=(0,), max_tokens=9, sampling=sampling, **more)
    return Picker(request, penalized=prompt, end_ids=frozenset({0}), device=torch.device("cpu"))


def picked(source: Picker, logits: Any) -> int:
    [one] = pick(logits[None], [source])
    assert one is not None
    return one.token


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
    drawn = torch.bincount(torch.tensor([picked(source, logits) for _ in range(4000)]), minlength=4)
    expected = (logits / 0.8).softmax(-1) * 4000
    # Chi-square with 3 degrees of freedom: above 30 once in a million.
    assert float(((drawn - expected) ** 2 / expected).sum()) < 30


def test_the_seed_decides_and_zero_is_one() -> None:
    logits = torch.zeros(1000)

    def drawn(seed: int | None) -> list[int]:
        source = picker(Sampling(), seed=seed)
        return [picked(source, logits) for _ in range(5)]

    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)
    assert drawn(None) != drawn(None)


def test_greedy_takes_the_likeliest_whatever_the_seed() -> None:
    assert picked(picker(Sampling(temperature=0), seed=3), torch.tensor([0.0, 3.0, 2.0])) == 1


def test_penalties_weigh_as_in_vllm() -> None:
    sampling = Sampling(
        temperature=0, repetition_penalty=2, presence_penalty=0.5, frequency_penalty=0.25
    )
    source = picker(sampling, prompt=(1,))
    logits = torch.tensor([-9.0, 8.0, 5.0, 4.9, -1.0])
    # Token 1 is in the prompt: 8 / 2 = 4. So 2 is picked, then weighs 5 / 2 - 0.25 - 0.5.
    assert [picked(source, logits) for _ in range(3)] == [2, 3, 1]
    # 1: 4 - 0.75 = 3.25; 2: 1.75; 3: 1.7; 4 was never seen: -1. So 1 again, now - 0.25.
    assert [picked(source, logits) for _ in range(2)] == [1, 1]


def test_the_end_waits_for_min_tokens() -> None:
    source = picker(Sampling(temperature=0, min_tokens=2))
    logits = torch.tensor([5.0, 1.0, 2.0])
    assert [picked(source, logits) for _ in range(3)] == [2, 2, 0]


def test_half_precision_is_drawn_in_full() -> None:
    assert picked(picker(Sampling(), seed=1), torch.zeros(50_000, dtype=torch.bfloat16)) >= 0


SAMPLINGS = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 0.4, 1.0, 2.0]),
    top_k=st.sampled_from([0, 1, 3, 50]),
    top_p=st.sampled_from([0.3, 0.9, 1.0]),
    min_p=st.sampled_from([0.0, 0.1]),
    repetition_penalty=st.sampled_from([1.0, 1.3]),
    frequency_penalty=st.sampled_from([0.0, 0.5]),
    min_tokens=st.sampled_from([0, 2]),
)


@settings(deadline=None)
@given(st.lists(st.tuples(SAMPLINGS, st.integers(0, 9), st.none() | st.integers(0, 4)), min_size=1,
                max_size=6))  # fmt: skip
def test_the_company_has_no_say(asked: list[tuple[Sampling, int, int | None]]) -> None:
    def fresh() -> list[Picker]:
        return [
            picker(one, seed=seed, prompt=(n,), logprobs=told)
            for n, (one, seed, told) in enumerate(asked)
        ]

    logits = torch.randn(3, len(asked), 700, generator=torch.Generator().manual_seed(4)) * 3
    together = fresh()
    batched = [pick(step, together) for step in logits]
    for row, alone in enumerate(fresh()):
        assert [step[row] for step in batched] == [
            pick(s[row : row + 1], [alone])[0] for s in logits
        ]


@settings(deadline=None)
@given(LOGITS | WIDE, SAMPLINGS, st.integers(0, 99))
def test_only_what_the_filters_leave_is_drawn(logits: Any, sampling: Sampling, seed: int) -> None:
    if sampling.greedy:
        return
    plain = Sampling(
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        top_p=sampling.top_p,
        min_p=sampling.min_p,
    )
    token = picked(picker(plain, seed=seed), logits)
    left = filter_logits(logits, plain)
    # On the edge of top_p a rounding decides; both sides of it are as likely.
    assert token in kept(left) or float(logits.softmax(-1)[token]) <= 1e-4 + float(
        logits[list(kept(left))].softmax(-1).min()
    )


def test_log_probabilities_are_the_model_s_own() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.5, -1.0]])
    biased = picker(
        Sampling(temperature=0, repetition_penalty=9, min_tokens=1), prompt=(1,), logprobs=2
    )
    [one] = pick(logits, [biased])
    assert one is not None
    expected = logits[0].log_softmax(-1).tolist()
    assert one.token == 2  # 0 is an end token and held back, 1 is penalized
    assert list(one.logprobs or ()) == [0, 1, 2]
    assert [one.logprobs[n] for n in (0, 1, 2)] == pytest.approx(expected[:3])  # type: ignore[index]
    [bare] = pick(logits, [picker(Sampling(temperature=0), logprobs=0)])
    assert bare is not None
    assert list(bare.logprobs or ()) == [0]


@pytest.mark.parametrize("sampling", [Sampling(temperature=0), Sampling(), Sampling(top_k=2),
                                      Sampling(top_p=0.5)])  # fmt: skip
def test_no_number_is_no_token_and_the_neighbours_get_theirs(sampling: Sampling) -> None:
    logits = torch.tensor([[1.0, 2.0, 3.0], [torch.nan] * 3, [1.0, 2.0, 99.0]])
    first, second, third = pick(logits, [picker(sampling, seed=1) for _ in range(3)])
    assert second is None
    assert first is not None
    assert third is not None
    assert third.token == 2
