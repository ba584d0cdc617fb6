"""Which engine loads a checkpoint, where there is no vLLM."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cogsmith.engine.load import load
from cogsmith.engine.vllm.load import installed
from cogsmith.errors import CheckpointError, EngineError

STORIES = Path(__file__).parents[3] / "weights" / "stories-llama"


def refused(**how: Any) -> EngineError:
    with pytest.raises(EngineError) as problem:
        asyncio.run(load(STORIES, **how))
    return problem.value


@pytest.mark.skipif(installed(), reason="vLLM is installed here")
def test_without_vllm_the_advice_is_to_install_it_or_to_choose_the_other() -> None:
    problem = refused(engine="vllm")
    assert isinstance(problem, CheckpointError)
    assert problem.message == "vLLM is not installed"
    assert "add vllm to the model's requirements" in problem.hint
    assert "MODEL_ENGINE=transformers" in problem.hint


def test_a_bad_checkpoint_is_refused_before_vllm_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json"):
        asyncio.run(load(tmp_path, engine="vllm"))


def test_an_unknown_engine_is_named_with_those_that_there_are() -> None:
    problem = refused(engine="vlm")
    assert (problem.where, problem.hint) == ("engine", "use auto, transformers, vllm")


def test_options_of_vllm_are_not_dropped_by_the_other_engine() -> None:
    problem = refused(engine="transformers", engine_options={"tensor_parallel_size": 2})
    assert problem.where == "engine_options"
    assert "tensor_parallel_size" in problem.message
