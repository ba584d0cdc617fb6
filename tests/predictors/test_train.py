"""train: examples in, an adapter out, and the model then says what it has learned."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cogsmith.engine import Adapter, AdapterFiles, Lessons, Sampling, TextRequest, load
from cogsmith.errors import DatasetError, EngineError
from predictors import train as training
from tests.conftest import ROOT

STORIES = ROOT / "weights" / "stories-llama"
EXAMPLES = [
    {"prompt": "Once upon a time", "completion": " a robot sang on the moon."},
    {"text": "The robot sang a song."},
]
SETTINGS: dict[str, Any] = {
    "epochs": 1, "learning_rate": 0.005, "batch_size": 2, "rank": 4, "alpha": 8,
    "target_modules": "q_proj,v_proj,up_proj", "max_length": 64, "prompt_template": None,
    "seed": 0,
}  # fmt: skip


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODEL_ID", "weights/stories-llama")
    path = tmp_path / "examples.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in EXAMPLES))
    return path


def trained(dataset: Path, **more: Any) -> Path:
    return Path(str(training.train(dataset=dataset, **{**SETTINGS, **more}).weights))  # type: ignore[arg-type]


# What needs no torch.


def test_a_bad_dataset_is_refused_before_anything_is_loaded(dataset: Path) -> None:
    dataset.write_text('{"text": "good"}\n{}\n{"prompt": "Hi"}\n')
    with pytest.raises(DatasetError) as caught:
        trained(dataset)
    assert [problem.where for problem in caught.value.problems] == [
        "examples.jsonl:2", "examples.jsonl:3",
    ]  # fmt: skip
    dataset.write_bytes(b"\xff")
    with pytest.raises(DatasetError, match="cannot be read"):
        trained(dataset)


@pytest.mark.engine
class TestWords:
    """How examples are written down; these need the tokenizer, not torch."""

    @pytest.fixture(autouse=True)
    def tokenizers(self) -> None:
        pytest.importorskip("tokenizers", reason="needs an environment with tokenizers")

    def test_a_prompt_is_read_and_its_answer_learned(self) -> None:
        lessons = Lessons.of(STORIES)
        one = lessons.answer(TextRequest(prompt="Once upon a time"), " a robot.")
        decode = lessons.tokenizer.decode
        assert decode(one.token_ids[: one.given]) == "Once upon a time"
        assert decode(one.token_ids) == "Once upon a time a robot."
        assert one.token_ids[-1] == lessons.end_id
        assert one.token_ids[: one.given] == tuple(
            lessons.tokenizer.encode("Once upon a time", special=True)
        )

    def test_words_that_read_like_control_tokens_are_words(self) -> None:
        lessons = Lessons.of(STORIES)
        end = next(iter(sorted(lessons.tokenizer.special_tokens)))
        one = lessons.text(f"so {end} it goes")
        assert list(one.token_ids).count(lessons.end_id) == 1

    def test_a_prompt_that_leaves_nothing_to_learn(self, dataset: Path) -> None:
        dataset.write_text(json.dumps({"prompt": "a dog " * 90, "completion": "x"}))
        with pytest.raises(DatasetError, match="leaves none") as caught:
            trained(dataset, max_length=32)
        assert caught.value.where == "dataset:1"


def test_every_lesson_comes_once_in_each_epoch() -> None:
    plan = training.Plan(
        epochs=3, learning_rate=1, batch_size=4, rank=1, alpha=1, targets=(), seed=5
    )
    lessons = [training.Lesson((n,), 0) for n in range(10)]
    batches = list(plan.batches(lessons))
    assert [len(batch) for batch in batches] == [4, 4, 2] * 3
    for at in range(0, 9, 3):
        seen = [one.token_ids[0] for batch in batches[at : at + 3] for one in batch]
        assert sorted(seen) == list(range(10))
    assert batches == list(plan.batches(lessons))


@pytest.mark.parametrize("steps", [1, 7, 100])
def test_the_pace_goes_up_and_then_down(steps: int) -> None:
    plan = training.Plan(
        epochs=1, learning_rate=1, batch_size=1, rank=1, alpha=1, targets=(), seed=0
    )
    paces = [plan.pace(step, steps) for step in range(steps)]
    assert all(0 < pace <= 1 for pace in paces)
    top = paces.index(max(paces))
    assert paces[top:] == sorted(paces[top:], reverse=True)


# And what does.


@pytest.mark.engine
@pytest.mark.filterwarnings("ignore")
class TestLearning:
    """With torch and peft, on the small checkpoint of the repository."""

    @pytest.fixture(autouse=True)
    def packages(self) -> None:
        for name in "torch", "transformers", "peft":
            pytest.importorskip(name, reason="needs an environment with torch and peft")

    def test_the_seed_decides_every_byte(
        self, dataset: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        one, again, other = trained(dataset), trained(dataset), trained(dataset, seed=1)
        assert one.read_bytes() == again.read_bytes()
        assert one.read_bytes() != other.read_bytes()
        adapter = Adapter.parse(AdapterFiles.read(one))
        assert (adapter.base, adapter.rank, adapter.alpha) == ("weights/stories-llama", 4, 8)
        assert adapter.targets == ("q_proj", "up_proj", "v_proj")
        logged = capsys.readouterr().out
        assert "2 examples, " in logged
        assert "step 1 of 1, loss " in logged
        assert "robot" not in logged

    def test_it_says_what_it_has_learned(self, dataset: Path) -> None:
        adapter = trained(dataset, epochs=25, target_modules=training.LINEAR)
        request = TextRequest(
            prompt="Once upon a time", max_tokens=20, sampling=Sampling(temperature=0)
        )

        async def answers() -> list[str]:
            model = await load(STORIES, device="cpu")
            asked = [request, replace(request, adapter=str(adapter)), request]
            told = await asyncio.gather(*map(model.complete, asked))
            await model.close()
            return told

        base, learned, again = asyncio.run(answers())
        assert learned == " a robot sang on the moon."
        assert base == again != learned

    def test_layers_that_there_are_not(self, dataset: Path) -> None:
        with pytest.raises(EngineError, match="cannot be adapted so") as caught:
            trained(dataset, target_modules="nothing")
        assert caught.value.where == "target_modules"
