"""The batching loop: whatever the company, an answer is the one that is had alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs an environment with torch and transformers")
transformers = pytest.importorskip("transformers")

from cogsmith.engine.engine import Chunk, Request, admit  # noqa: E402
from cogsmith.engine.sampling import Sampling  # noqa: E402
from cogsmith.engine.text import LanguageModel, TextRequest  # noqa: E402
from cogsmith.engine.transformers.batch import Batch, Limits, shares  # noqa: E402
from cogsmith.engine.transformers.load import load  # noqa: E402
from cogsmith.engine.transformers.model import load_runner  # noqa: E402
from cogsmith.engine.transformers.options import Settings  # noqa: E402
from cogsmith.engine.transformers.runner import Turns  # noqa: E402
from cogsmith.engine.transformers.source import find  # noqa: E402
from cogsmith.errors import EngineError, PromptTooLong  # noqa: E402

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore")]

MODELS = ["tiny-llama", "tiny-mistral", "tiny-mixtral"]
GREEDY = Sampling(temperature=0)
BAD = "\N{REPLACEMENT CHARACTER}"
COMMON = tuple(5 + n * 7919 % 700 for n in range(150))


@dataclass
class Bench:
    """A model in a batch, and what `generate` answers, asked once for each prompt."""

    runner: Batch
    model: Any
    known: dict[tuple[int, ...], list[int]] = field(default_factory=dict)
    most: int = 40

    def generated(self, ids: tuple[int, ...]) -> list[int]:
        if ids not in self.known:
            row = torch.tensor([ids])
            out = self.model.generate(
                row,
                attention_mask=torch.ones_like(row),
                max_new_tokens=self.most,
                do_sample=False,
                temperature=None,
                top_p=None,
                eos_token_id=None,
            )
            self.known[ids] = out[0, len(ids) :].tolist()
        return self.known[ids]

    def expected(self, ids: tuple[int, ...], count: int) -> list[int]:
        ends = self.runner._end_ids
        answer = self.generated(ids)[:count]
        stops = [at for at, token in enumerate(answer) if token in ends]
        return answer[: stops[0]] if stops else answer


@pytest.fixture(scope="module")
def benches(checkpoints: Path) -> Any:
    made: dict[str, Bench] = {}

    def get(name: str, **options: Any) -> Bench:
        if name not in made or options:
            folder = find(checkpoints / name)
            kind = getattr(transformers, folder.architecture)
            runner = load_runner(folder, Settings(device="cpu", **options))
            assert isinstance(runner, Batch)
            model = kind.from_pretrained(folder.folder, dtype=torch.float32).eval()
            bench = Bench(runner, model)
            if options:
                return bench
            made[name] = bench
        return made[name]

    return get


def asked(ids: tuple[int, ...], count: int = 8, **more: Any) -> Request:
    return Request(id="a", token_ids=ids, max_tokens=count, **{"sampling": GREEDY, **more})


def finish(runner: Any, *numbers: int) -> dict[int, tuple[list[int], object]]:
    """Steps until those requests have ended: their tokens, and why they ended."""
    told: dict[int, list[int]] = {number: [] for number in numbers}
    ended: dict[int, tuple[list[int], object]] = {}
    while len(ended) < len(numbers):
        for number, item in runner.step():
            if isinstance(item, Chunk):
                told[number] += item.token_ids
            reason = item.finish_reason if isinstance(item, Chunk) else item
            if reason is not None:
                ended[number] = (told[number], reason)
    return ended


# The law.

PROMPTS = st.builds(
    lambda shared, start, size: COMMON[:shared] + tuple(5 + (start + n * 31) % 700 for n in size),
    st.sampled_from([0, 0, 20, 90, 150]),
    st.integers(0, 700),
    st.integers(1, 120).map(range),
)
ARRIVALS = st.tuples(
    st.integers(0, 6),  # steps before it comes
    PROMPTS,
    st.integers(1, 40),  # tokens wanted
    st.none() | st.integers(0, 12),  # steps after which it is taken back
)


@pytest.mark.parametrize("name", MODELS)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(arrivals=st.lists(ARRIVALS, min_size=1, max_size=9), pace=st.sampled_from([7, 64, 512]))
def test_an_answer_does_not_depend_on_the_company(
    name: str, benches: Any, arrivals: list[Any], pace: int
) -> None:
    bench: Bench = benches(name)
    runner = bench.runner
    runner._limits = Limits(
        cache_tokens=runner._limits.cache_tokens, max_batch=32, alone=pace, beside=pace // 2
    )
    told: dict[int, list[int]] = {}
    ended: set[int] = set()
    taken_back: dict[int, int] = {}
    coming = [(number, *one) for number, one in enumerate(arrivals)]
    while len(ended) < len(arrivals):
        while coming and coming[0][1] == 0:
            number, _, ids, count, patience = coming.pop(0)
            assert runner.join(number, asked(ids, count))
            told[number] = []
            if patience is not None:
                taken_back[number] = patience
        coming = [(n, wait - 1, *rest) for n, wait, *rest in coming[:1]] + coming[1:]
        for number in [n for n, left in taken_back.items() if left == 0]:
            runner.leave(number)
            ended.add(number)
            del taken_back[number]
        taken_back = {n: left - 1 for n, left in taken_back.items()}
        for number, chunk in runner.step() if len(told) > len(ended) else ():
            assert isinstance(chunk, Chunk)
            assert number not in ended
            told[number] += chunk.token_ids
            if chunk.finish_reason is not None:
                ended.add(number)
                taken_back.pop(number, None)
    assert runner.used == 0
    for number, (_, ids, count, patience) in enumerate(arrivals):
        expected = bench.expected(ids, count)
        if patience is None or len(told[number]) == len(expected):
            assert told[number] == expected
        else:
            assert told[number] == expected[: len(told[number])]


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 2**32), min_size=2, max_size=5, unique=True))
def test_a_seed_repeats_the_answer_in_any_company(benches: Any, seeds: list[int]) -> None:
    runner = benches("tiny-llama").runner
    sampling = Sampling(temperature=1.2, top_p=0.95, top_k=40, repetition_penalty=1.1)
    requests = [asked(COMMON[:9], 20, sampling=sampling, seed=seed) for seed in seeds]
    for number, request in enumerate(requests):
        runner.join(number, request)
    together = finish(runner, *range(len(seeds)))
    for number, request in enumerate(requests):
        runner.join(number, request)
        assert finish(runner, number)[number] == together[number]


# Steps.


def test_those_who_answer_get_a_token_a_step_while_a_long_prompt_is_read(benches: Any) -> None:
    runner = benches("tiny-llama", max_batch=3).runner
    runner._limits = Limits(cache_tokens=9999, max_batch=3, alone=100, beside=16)
    runner.join(0, asked((5, 6, 7), 30, sampling=Sampling(temperature=0, min_tokens=30)))
    runner.step()
    runner.join(1, asked(COMMON, 1))
    steps = 0
    while 1 not in (step := dict(runner.step())):
        assert len(step[0].token_ids) == 1
        steps += 1
    assert steps == len(COMMON) // 16


@given(st.lists(st.integers(0, 300), max_size=12), st.integers(1, 99), st.integers(100, 512))
def test_shares_of_a_step(todo: list[int], beside: int, alone: int) -> None:
    limits = Limits(cache_tokens=1, max_batch=1, alone=alone, beside=beside)
    counts = shares(todo, limits)
    assert all(0 <= count <= size for count, size in zip(counts, todo, strict=True))
    assert all(count == 1 for count, size in zip(counts, todo, strict=True) if size == 1)
    long = [count for count, size in zip(counts, todo, strict=True) if size > 1]
    budget = beside if 1 in todo else alone
    assert sum(long) == min(budget, sum(size for size in todo if size > 1))
    assert any(counts) or not any(todo)


def test_one_taken_back_is_in_no_later_step(benches: Any) -> None:
    bench = benches("tiny-llama")
    for number in range(2):
        bench.runner.join(number, asked(COMMON[: 5 + number], 30))
    bench.runner.step()
    bench.runner.leave(0)
    bench.runner.leave(0)
    assert [number for number, _ in bench.runner.step()] == [1]
    bench.runner.leave(1)
    assert bench.runner.used == 0


def test_ends_stops_and_lengths(benches: Any) -> None:
    bench = benches("tiny-mistral")
    answer = bench.generated(COMMON[:30])
    stop = frozenset(answer[3:4])
    before = answer.index(answer[3])
    bench.runner.join(0, asked(COMMON[:30], 20, stop_ids=stop))
    bench.runner.join(1, asked(COMMON[:30], 2))
    held = Sampling(temperature=0, min_tokens=before + 1)
    bench.runner.join(2, asked(COMMON[:30], before + 1, stop_ids=stop, sampling=held))
    ended = finish(bench.runner, 0, 1, 2)
    assert ended[0] == (answer[:before], "stop")
    assert ended[1] == (answer[:2], "length")
    assert ended[2][1] == "length"
    assert not stop & set(ended[2][0])


def test_log_probabilities_are_those_of_the_model(benches: Any) -> None:
    bench = benches("tiny-llama")
    bench.runner.join(0, asked(COMMON[:20], 3, logprobs=4))
    bench.runner.join(1, asked(COMMON[:7], 3))
    chunks: list[Chunk] = []
    while len(chunks) < 3:
        step = dict(bench.runner.step())
        chunks.append(step[0])
        assert step[1].logprobs == ()
    row = torch.tensor([COMMON[:20] + tuple(bench.generated(COMMON[:20])[:3])])
    with torch.inference_mode():
        expected = bench.model(row).logits[0, 19:22].log_softmax(-1)
    for chunk, scores in zip(chunks, expected, strict=True):
        [told] = chunk.logprobs
        best = scores.topk(4)
        assert list(told) == best.indices.tolist()
        assert list(told.values()) == pytest.approx(best.values.tolist(), abs=1e-4)


def test_a_crowd_that_comes_and_goes(checkpoints: Path) -> None:
    """Through the whole engine: readers that stop, cancels, and more requests than places."""
    draw = random.Random(5)
    sampling = Sampling(temperature=0.8, top_k=20, min_tokens=1)
    requests = [
        TextRequest(prompt=f"{'Once upon a time ' * draw.randrange(9)}{n}", seed=n % 7,
                    max_tokens=draw.randrange(1, 40), sampling=sampling)
        for n in range(60)
    ]  # fmt: skip

    async def visit(model: LanguageModel, request: TextRequest, way: int) -> tuple[str, str]:
        stream = model.stream(request)
        texts: list[str] = []
        async for text in stream:
            texts.append(text)
            if way == 1 and len(texts) == 3:
                await model.cancel(stream.id)
            if way == 2 and len(texts) == 2:
                await stream.aclose()
                break
        return "".join(texts), stream.report.finish_reason

    async def story() -> None:
        model = await load(checkpoints / "tiny-llama", max_batch=5)
        ways = [n % 3 for n in range(60)]
        tasks = [
            asyncio.create_task(visit(model, *one)) for one in zip(requests, ways, strict=True)
        ]
        found = await asyncio.gather(*tasks)
        for request, way, (text, reason) in zip(requests, ways, found, strict=True):
            alone = await model.complete(request)
            # Half a character, sent when it was taken back, is none of the answer's.
            assert text == alone if way == 0 else alone.startswith(text.rstrip(BAD))
            assert reason in {"stop", "length"} if way == 0 else True
        stats = model.engine.stats()
        while stats.cache_used:
            await asyncio.sleep(0.01)
            stats = model.engine.stats()
        assert (stats.running, stats.waiting) == (0, 0)
        await model.close()

    asyncio.run(asyncio.wait_for(story(), 120))


# Shared beginnings.


@pytest.fixture
def counted(benches: Any) -> Iterator[tuple[Bench, list[int]]]:
    """A bench whose forward passes are counted in tokens."""
    bench = benches("tiny-llama", max_batch=8)
    passes: list[int] = []
    hook = bench.runner._model.register_forward_pre_hook(
        lambda _, __, given: passes.append(given["input_ids"].shape[1]), with_kwargs=True
    )
    yield bench, passes
    hook.remove()


def test_a_beginning_is_read_once(counted: tuple[Bench, list[int]]) -> None:
    bench, passes = counted
    bench.runner.join(0, asked((*COMMON, 5), 1))
    finish(bench.runner, 0)
    bench.runner.join(1, asked((*COMMON, 6, 7), 1))
    assert finish(bench.runner, 1)[1][0] == bench.expected((*COMMON, 6, 7), 1)
    assert passes == [151, 2]


def test_what_is_being_read_is_waited_for(counted: tuple[Bench, list[int]]) -> None:
    bench, passes = counted
    prompts = [(*COMMON, 5 + n, 9) for n in range(4)]
    for number, ids in enumerate(prompts):
        bench.runner.join(number, asked(ids, 3))
    ended = finish(bench.runner, *range(4))
    assert [ended[n][0] for n in range(4)] == [bench.expected(ids, 3) for ids in prompts]
    assert passes[:2] == [152, 1 + 3 * 2]


def test_a_reader_that_leaves_lets_the_next_read(counted: tuple[Bench, list[int]]) -> None:
    bench, _ = counted
    bench.runner._limits = Limits(cache_tokens=9999, max_batch=8, alone=40, beside=40)
    for number in range(3):
        bench.runner.join(number, asked((*COMMON, 5 + number, 9), 3))
    bench.runner.step()
    bench.runner.leave(0)
    ended = finish(bench.runner, 1, 2)
    assert [ended[n][0] for n in (1, 2)] == [bench.expected((*COMMON, 5 + n, 9), 3) for n in (1, 2)]


# Bounds.


def test_the_cache_is_bounded_and_requests_wait_in_order(benches: Any) -> None:
    bench = benches("tiny-llama", cache_tokens=600)
    runner = bench.runner
    assert runner.capabilities.max_context == 512
    assert runner.join(0, asked(COMMON, 40))
    assert runner.join(1, asked(COMMON[:99], 40))
    assert not runner.join(2, asked(COMMON[:50], 40))
    assert 0.8 < runner.used <= 1
    finish(runner, 0, 1)
    assert runner.join(2, asked(COMMON[:50], 40))
    assert finish(runner, 2)[2][0] == bench.expected(COMMON[:50], 40)
    for number in range(3, 20):
        assert runner.join(number, asked((number, *COMMON), 5))
        finish(runner, number)
        assert runner._pages.allocated + runner._prefixes.tokens <= 600


def test_a_longer_row_does_where_there_is_no_room_for_a_page(benches: Any) -> None:
    runner = benches("tiny-llama", cache_tokens=512 + 255).runner
    assert runner.join(0, asked(COMMON, 300))
    runner.leave(0)
    assert runner.join(1, asked(COMMON[:5], 5))
    assert runner._pages.allocated <= 512 + 255
    assert not runner.join(2, asked(COMMON, 300))
    runner.leave(1)
    assert runner.join(2, asked(COMMON, 300))


def test_one_too_many_waits(benches: Any) -> None:
    runner = benches("tiny-llama", max_batch=2).runner
    assert [runner.join(number, asked((5, 6), 3)) for number in range(3)] == [True, True, False]


def test_what_can_never_fit_is_refused_before_it_waits(benches: Any) -> None:
    capabilities = benches("tiny-llama", cache_tokens=100).runner.capabilities
    assert capabilities.max_context == 100
    with pytest.raises(PromptTooLong) as caught:
        admit(asked(COMMON[:90], 20), capabilities)
    assert caught.value.code == "E1002"


@pytest.mark.parametrize("ids", [(5, 768), (-1, 5)])
def test_a_token_that_there_is_not_is_refused_before_a_step(
    benches: Any, ids: tuple[int, ...]
) -> None:
    with pytest.raises(EngineError, match="no token has the id"):
        admit(asked(ids), benches("tiny-llama").runner.capabilities)


# Failures.


def test_a_failing_step_fails_those_who_were_in_it(benches: Any) -> None:
    bench = benches("tiny-llama", max_batch=8)
    runner = bench.runner
    runner._limits = Limits(cache_tokens=9999, max_batch=8, alone=10, beside=10)
    runner.join(0, asked(COMMON[:10]))
    runner.join(1, asked(COMMON[20:30]))

    def fail(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    hook = runner._model.register_forward_pre_hook(fail)
    [(number, error)] = runner.step()
    hook.remove()
    assert number == 0
    assert isinstance(error, EngineError)
    assert error.hint == "shorten the prompt or lower max_tokens"
    assert finish(runner, 1)[1][0] == bench.expected(COMMON[20:30], 8)
    assert runner.used == 0


def test_numbers_that_overflow_stay_with_their_request(benches: Any) -> None:
    """Keys that are not numbers must not reach whoever gets the row next."""
    bench = benches("tiny-llama", max_batch=8)
    runner = bench.runner
    runner.join(0, asked(COMMON[:40]))
    runner.join(1, asked(COMMON[3:40]))
    told = [*dict(runner.step())[1].token_ids]
    with torch.inference_mode():
        runner._rows[0].place.keys(0, 40).fill_(torch.nan)
    step = dict(runner.step())
    assert isinstance(step[0], EngineError)
    assert "overflowed" in str(step[0])
    told += step[1].token_ids
    runner.join(2, asked(COMMON[7:40]))
    ended = finish(runner, 1, 2)
    assert told + ended[1][0] == bench.expected(COMMON[3:40], 8)
    assert ended[2][0] == bench.expected(COMMON[7:40], 8)


def test_a_prompt_taken_back_half_way_leaves_nothing_behind(benches: Any) -> None:
    bench = benches("tiny-llama", max_batch=8)
    runner = bench.runner
    runner._limits = Limits(cache_tokens=9999, max_batch=8, alone=40, beside=40)
    runner.join(0, asked(COMMON))
    runner.step()
    place = runner._rows[0].place
    with torch.inference_mode():
        place.keys(0, 40).fill_(torch.nan)
    runner.leave(0)
    assert not place.keys(0, 150).any()
    runner.join(1, asked(COMMON, 4))
    assert finish(runner, 1)[1][0] == bench.expected(COMMON, 4)


# Who can be batched.


def test_the_others_take_turns(checkpoints: Path) -> None:
    for name in ("tiny-t5", "tiny-llava"):
        runner = load_runner(find(checkpoints / name), Settings(device="cpu"))
        assert isinstance(runner, Turns)
        assert not runner.capabilities.batching


OTHERS = {
    "Qwen2": {"use_sliding_window": True, "sliding_window": 24, "max_window_layers": 1},
    "Qwen3": {"head_dim": 32},
    "Gemma": {"head_dim": 32},
    "Phi3": {"sliding_window": 40, "pad_token_id": 0},
    "Starcoder2": {"sliding_window": 24},
    "Olmo2": {},
    "GPTNeoX": {"num_key_value_heads": 4},
    "GptOss": {"head_dim": 32, "num_local_experts": 2, "num_experts_per_tok": 1},
    "Gemma2": {"head_dim": 32, "sliding_window": 24},
    "Bloom": {"n_head": 4},
    "Mamba": {},
}


def written(folder: Path, kind: str, **more: Any) -> Path:
    torch.manual_seed(3)
    config = getattr(transformers, f"{kind}Config")(
        **{
            "vocab_size": 768, "hidden_size": 128, "intermediate_size": 256,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "max_position_embeddings": 512, "initializer_range": 0.08, "bos_token_id": 1,
            "eos_token_id": 2, **more,
        }
    )  # fmt: skip
    getattr(transformers, f"{kind}ForCausalLM")(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", OTHERS)
def test_architectures_of_other_makes(tmp_path: Path, kind: str) -> None:
    """Batched or one by one: the answers are `generate`'s; and the usual ones are batched."""
    folder = find(written(tmp_path, kind, **OTHERS[kind]))
    runner = load_runner(folder, Settings(device="cpu"))
    batched = {"Qwen2", "Qwen3", "Gemma", "Phi3", "Starcoder2", "Olmo2", "GPTNeoX"}
    assert isinstance(runner, Batch) == (kind in batched)
    model = getattr(transformers, f"{kind}ForCausalLM").from_pretrained(
        tmp_path, dtype=torch.float32
    )
    prompts = [COMMON[:60], COMMON[30:35], COMMON[50:130]]
    for number, ids in enumerate(prompts):
        runner.join(number, asked(ids, 20, sampling=Sampling(temperature=0, min_tokens=20)))
    ended = finish(runner, *range(3))
    for number, ids in enumerate(prompts):
        row = torch.tensor([ids])
        out = model.eval().generate(
            row, attention_mask=torch.ones_like(row), max_new_tokens=20, min_new_tokens=20,
            do_sample=False,
        )  # fmt: skip
        assert ended[number][0] == out[0, len(ids) :].tolist()


@pytest.mark.parametrize(
    "rope",
    [
        {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0},
        {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0},
    ],
)
def test_positions_that_follow_the_longest_request_are_kept_apart(
    tmp_path: Path, rope: dict[str, Any]
) -> None:
    folder = find(written(tmp_path, "Llama", rope_parameters=rope))
    runner = load_runner(folder, Settings(device="cpu"))
    assert isinstance(runner, Batch) == (rope["rope_type"] == "linear")
