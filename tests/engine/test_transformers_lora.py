"""Adapters in the batching engine: each request its own, and the same answer in any company."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs an environment with torch and transformers")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft", reason="needs an environment with peft")

from cogsmith.engine.engine import Request  # noqa: E402
from cogsmith.engine.sampling import Sampling  # noqa: E402
from cogsmith.engine.text import LanguageModel, TextRequest  # noqa: E402
from cogsmith.engine.transformers.batch import Batch  # noqa: E402
from cogsmith.engine.transformers.decode import CausalDecoder  # noqa: E402
from cogsmith.engine.transformers.load import load  # noqa: E402
from cogsmith.engine.transformers.lora import Seams, Shelf  # noqa: E402
from cogsmith.engine.transformers.model import load_runner  # noqa: E402
from cogsmith.engine.transformers.options import Settings  # noqa: E402
from cogsmith.engine.transformers.runner import Turns  # noqa: E402
from cogsmith.engine.transformers.source import find  # noqa: E402
from cogsmith.errors import AdapterError, EngineError  # noqa: E402
from tests.engine.lora import matrices, packed, write  # noqa: E402
from tests.engine.test_transformers_batch import finish  # noqa: E402

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore")]

GREEDY = Sampling(temperature=0)
MOST = 16
SHARED = tuple(5 + n * 7919 % 700 for n in range(60))


@dataclass
class Zoo:
    """A tiny model, three adapters for it, and what peft answers with each."""

    folder: Path
    adapters: dict[str, Path]
    runner: Batch
    model: Any
    layers: dict[str, tuple[int, int]]

    def __post_init__(self) -> None:
        self.known: dict[tuple[str, tuple[int, ...]], list[int]] = {}

    def expected(self, name: str, ids: tuple[int, ...], count: int) -> list[int]:
        if (name, ids) not in self.known:
            self.known[name, ids] = self._generated(name, ids)
        answer = self.known[name, ids][:count]
        stops = [at for at, token in enumerate(answer) if token in self.runner._end_ids]
        return answer[: stops[0]] if stops else answer

    def _generated(self, name: str, ids: tuple[int, ...]) -> list[int]:
        row = torch.tensor([ids])
        options: dict[str, Any] = {
            "attention_mask": torch.ones_like(row), "max_new_tokens": MOST, "do_sample": False,
            "temperature": None, "top_p": None, "eos_token_id": None,
        }  # fmt: skip
        if name:
            self.model.set_adapter(name)
            return self.model.generate(input_ids=row, **options)[0, len(ids) :].tolist()
        with self.model.disable_adapter():
            return self.model.generate(input_ids=row, **options)[0, len(ids) :].tolist()

    def join(self, number: int, name: str, ids: tuple[int, ...], count: int = MOST) -> None:
        deltas = self.runner.shelf.get(str(self.adapters[name])) if name else None
        assert self.runner.join(number, asked(ids, count), deltas)

    def alone(self, name: str, ids: tuple[int, ...], count: int = MOST) -> list[int]:
        self.join(0, name, ids, count)
        return finish(self.runner, 0)[0][0]


def asked(ids: tuple[int, ...], count: int = MOST) -> Request:
    return Request(id="a", token_ids=ids, max_tokens=count, sampling=GREEDY)


def linears(model: Any) -> dict[str, tuple[int, int]]:
    return {
        name: tuple(one.weight.shape)
        for name, one in model.named_modules()
        if isinstance(one, torch.nn.Linear) and ".layers." in f".{name}"
    }


@pytest.fixture(scope="module")
def zoo(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    place = tmp_path_factory.mktemp("adapters")
    checkpoint = find(checkpoints / "tiny-llama")
    kind = getattr(transformers, checkpoint.architecture)
    model = kind.from_pretrained(checkpoint.folder, dtype=torch.float32).eval()
    layers = linears(model)
    attention = {name: shape for name, shape in layers.items() if "self_attn" in name}
    some = {name: shape for name, shape in layers.items() if name.endswith("q_proj")}
    made = {
        "whole": write(place / "whole", matrices(layers, seed=1), target_modules=sorted(layers)),
        "wide": write(
            place / "wide", matrices(attention, rank=5, seed=2), r=5, use_rslora=True,
            target_modules=sorted(attention),
        ),
        "few": write(place / "few", matrices(some, seed=3, size=2), target_modules=["q_proj"]),
        "zero": write(place / "zero", matrices(layers, size=0), target_modules=sorted(layers)),
    }  # fmt: skip
    theirs = peft.PeftModel.from_pretrained(model, made["whole"], adapter_name="whole")
    for name in ("wide", "few", "zero"):
        theirs.load_adapter(str(made[name]), adapter_name=name)
    runner = load_runner(checkpoint, Settings(device="cpu", max_adapters=8))
    assert isinstance(runner, Batch)
    return Zoo(checkpoints / "tiny-llama", made, runner, theirs.eval(), layers)


@pytest.mark.parametrize("name", ["whole", "wide", "few"])
def test_the_answer_is_peft_s(zoo: Zoo, name: str) -> None:
    ids = SHARED[:20]
    answer = zoo.alone(name, ids)
    assert answer == zoo.expected(name, ids, MOST)
    assert answer != zoo.expected("", ids, MOST)


def test_a_zero_b_is_the_base_exactly(zoo: Zoo) -> None:
    model = zoo.runner._model
    seams = zoo.runner._seams
    deltas = zoo.runner.shelf.get(str(zoo.adapters["zero"]))
    rows = []
    for parts in (), ("zero",):
        seen: list[Any] = []
        hook = model.lm_head.register_forward_hook(lambda *call, seen=seen: seen.append(call[2]))
        zoo.join(0, parts[0] if parts else "", SHARED[:30], 3)
        finish(zoo.runner, 0)
        hook.remove()
        rows.append(seen)
        while zoo.runner._prefixes.forget():
            pass
    assert all(torch.equal(one, other) for one, other in zip(*rows, strict=True))
    assert seams._parts == ()
    assert deltas.layers.keys() == zoo.layers.keys()


# The law.

NAMES = st.sampled_from(["", "", "whole", "wide", "few", "zero"])
PROMPTS = st.builds(
    lambda shared, start, size: SHARED[:shared] + tuple(5 + (start + n * 31) % 700 for n in size),
    st.sampled_from([0, 30, 60]),
    st.integers(0, 9),
    st.integers(1, 40).map(range),
)
ARRIVALS = st.tuples(
    st.integers(0, 5), NAMES, PROMPTS, st.integers(1, MOST), st.none() | st.integers(0, 8)
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals=st.lists(ARRIVALS, min_size=1, max_size=8))
def test_a_greedy_answer_is_the_same_in_any_company(zoo: Zoo, arrivals: list[Any]) -> None:
    runner, told, ended, at = zoo.runner, {}, set(), 0
    waiting = list(enumerate(arrivals))
    running: dict[int, int] = {}
    while waiting or running:
        for number, (start, name, ids, count, _) in list(waiting):
            if start <= at:
                zoo.join(number, name, ids, count)
                told[number], running[number] = [], at
                waiting = [one for one in waiting if one[0] != number]
        for number, since in list(running.items()):
            patience = arrivals[number][4]
            if patience is not None and at - since >= patience:
                runner.leave(number)
                del running[number]
        for number, chunk in runner.step() if running else []:
            assert not isinstance(chunk, EngineError)
            told[number] += chunk.token_ids
            if chunk.finish_reason is not None:
                del running[number]
                ended.add(number)
        at += 1
    for number, (_, name, ids, count, _) in enumerate(arrivals):
        expected = zoo.expected(name, ids, count)
        if number in ended:
            assert told[number] == expected
        else:
            assert told[number] == expected[: len(told[number])]


def test_what_one_adapter_has_read_is_not_another_s(zoo: Zoo) -> None:
    """The keys of equal prompts differ: a copy of the base's would change the answer."""
    for name in "", "whole", "wide", "":
        assert zoo.alone(name, SHARED) == zoo.expected(name, SHARED, MOST)
    zoo.join(1, "whole", SHARED + (9,) * 80)
    zoo.join(2, "", SHARED + (9,) * 80)
    assert zoo.runner._rows[2].leader is None


# One by one.


def test_requests_that_take_turns_have_adapters_too(zoo: Zoo) -> None:
    finish(zoo.runner, *zoo.runner._rows)
    kind = getattr(transformers, find(zoo.folder).architecture)
    model = kind.from_pretrained(zoo.folder, dtype=torch.float32).eval()
    decoder = CausalDecoder(model, zoo.runner.capabilities, zoo.runner._end_ids, adapters=2)
    runner = Turns(decoder)
    assert runner.shelf is not None
    ids = SHARED[:20]
    for number, name in enumerate(["", "whole", "few"]):
        deltas = runner.shelf.get(str(zoo.adapters[name])) if name else None
        assert runner.join(number, asked(ids), deltas)
    answers = finish(runner, 0, 1, 2)
    for number, name in enumerate(["", "whole", "few"]):
        assert answers[number][0] == zoo.expected(name, ids, MOST)


# The shelf.


@pytest.fixture
def shelf(zoo: Zoo) -> Shelf:
    return Shelf(Seams(zoo.runner._model), 2)


def test_the_least_recently_used_goes(zoo: Zoo, shelf: Shelf) -> None:
    get = lambda name: shelf.get(str(zoo.adapters[name]))  # noqa: E731
    whole, wide = get("whole"), get("wide")
    assert get("whole") is whole
    get("few")
    assert len(shelf) == 2
    assert get("whole") is whole
    assert get("wide") is not wide


def test_equal_files_are_one_adapter(zoo: Zoo, shelf: Shelf, tmp_path: Path) -> None:
    twin = write(tmp_path / "twin", matrices(zoo.layers, seed=1), target_modules=sorted(zoo.layers))
    assert shelf.get(str(packed(twin))) is shelf.get(str(zoo.adapters["whole"]))


def test_a_file_that_changes_is_read_again(zoo: Zoo, shelf: Shelf, tmp_path: Path) -> None:
    folder = write(tmp_path / "a", matrices(zoo.layers, seed=4))
    before = shelf.get(str(folder))
    write(folder, matrices(zoo.layers, seed=5))
    os.utime(folder / "adapter_config.json", ns=(1, 1))
    assert shelf.get(str(folder)).key != before.key


@pytest.mark.parametrize("wrong", ["lm_head", "model.embed_tokens", "model.layers.99.mlp.up_proj"])
def test_layers_that_cannot_be_adapted(shelf: Shelf, tmp_path: Path, wrong: str) -> None:
    folder = write(tmp_path / "a", matrices({wrong: (8, 8)}))
    with pytest.raises(AdapterError, match="no layer of that name") as caught:
        shelf.get(str(folder))
    assert caught.value.where == wrong


def test_a_rank_beyond_the_limit(zoo: Zoo, shelf: Shelf, tmp_path: Path) -> None:
    some = dict([next(iter(zoo.layers.items()))])
    folder = write(tmp_path / "a", matrices(some, rank=300), r=300)
    with pytest.raises(AdapterError, match="its rank is 300"):
        shelf.get(str(folder))


def test_numbers_that_are_none(zoo: Zoo, shelf: Shelf, tmp_path: Path) -> None:
    some = dict([next(iter(zoo.layers.items()))])
    folder = write(tmp_path / "a", matrices(some, size=float("inf")))
    with pytest.raises(AdapterError, match="no numbers"):
        shelf.get(str(folder))


# The whole engine.


@asynccontextmanager
async def loaded(zoo: Zoo) -> AsyncIterator[LanguageModel]:
    model = await load(zoo.folder, device="cpu", max_adapters=2)
    try:
        yield model
    finally:
        await model.close()


def told(zoo: Zoo, tell: Callable[[LanguageModel], Awaitable[None]]) -> None:
    async def run() -> None:
        async with loaded(zoo) as model:
            await tell(model)

    asyncio.run(asyncio.wait_for(run(), 120))


def request(adapter: Path | None, **more: Any) -> TextRequest:
    named = None if adapter is None else str(adapter)
    return TextRequest(prompt="One day", sampling=GREEDY, max_tokens=8, adapter=named, **more)


def test_with_and_without_at_once(zoo: Zoo) -> None:
    async def tell(model: LanguageModel) -> None:
        assert model.engine.capabilities.adapters
        asked = [request(zoo.adapters["whole"]), request(None), request(zoo.adapters["zero"])]
        whole, base, zero = await asyncio.gather(*map(model.complete, asked))
        assert whole != base
        assert zero == base
        assert await model.complete(asked[0]) == whole

    told(zoo, tell)


def test_a_bad_adapter_fails_its_own_request(zoo: Zoo, tmp_path: Path) -> None:
    async def tell(model: LanguageModel) -> None:
        bad = model.complete(request(tmp_path / "none"))
        good = model.complete(request(zoo.adapters["whole"]))
        failed, answer = await asyncio.gather(bad, good, return_exceptions=True)
        assert isinstance(failed, AdapterError)
        assert failed.code == "E1203"
        assert isinstance(answer, str)

    told(zoo, tell)


def test_taken_back_while_its_adapter_is_read(zoo: Zoo) -> None:
    async def tell(model: LanguageModel) -> None:
        shelf = model.engine._shelf
        shelf._lock.acquire()  # as if it took long
        waits = model.stream(request(zoo.adapters["whole"], id="waits"))
        reading = asyncio.create_task(anext(waits, None))
        await asyncio.sleep(0.05)
        assert await model.complete(request(None)) != ""
        await model.cancel("waits")
        assert await reading is None
        assert waits.report.finish_reason == "cancelled"
        shelf._lock.release()
        assert await model.complete(request(zoo.adapters["whole"])) != ""
        assert model.engine.stats().waiting == 0

    told(zoo, tell)
