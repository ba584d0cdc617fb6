"""What vLLM is told when it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cogsmith.engine.transformers.options import Settings
from cogsmith.engine.transformers.source import Checkpoint, find
from cogsmith.engine.vllm.arguments import engine_arguments
from cogsmith.errors import CheckpointError, EngineError

ROOT = Path(__file__).parents[3]


def checkpoint(**config: Any) -> Checkpoint:
    return Checkpoint(Path("/weights/it"), {"architectures": ["ItForCausalLM"], **config}, ())


def test_it_gets_a_folder_and_no_room_for_surprises() -> None:
    given = engine_arguments(find(ROOT / "weights" / "stories-llama"), Settings(), {})
    assert given == {
        "model": str(ROOT / "weights" / "stories-llama"),
        "skip_tokenizer_init": True,
        "generation_config": "vllm",
        "load_format": "safetensors",
        "trust_remote_code": False,
        "enable_log_requests": False,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        "dtype": "auto",
        "max_logprobs": 20,
    }


def test_settings_and_options_are_passed_on() -> None:
    settings = Settings(dtype="float16", context=64, max_batch=4)
    options = {"tensor_parallel_size": 2, "gpu_memory_utilization": 0.8}
    given = engine_arguments(checkpoint(max_position_embeddings=128), settings, options)
    names = ("dtype", "max_model_len", "max_num_seqs", *options)
    assert [given[name] for name in names] == ["float16", 64, 4, 2, 0.8]


@pytest.mark.parametrize(
    ("own", "wanted", "limit"), [(128, 500, 128), (128, 64, 64), (None, 500, 500)]
)
def test_the_context_is_lowered_and_never_raised(own: int | None, wanted: int, limit: int) -> None:
    config = {} if own is None else {"max_position_embeddings": own}
    given = engine_arguments(checkpoint(**config), Settings(context=wanted), {})
    assert given["max_model_len"] == limit


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"is_encoder_decoder": True}, "an encoder with a decoder"),
        ({"vision_config": {"image_size": 336}}, "sees images"),
    ],
)
def test_models_for_the_other_engine_are_sent_there(config: dict[str, Any], words: str) -> None:
    with pytest.raises(CheckpointError, match=f"ItForCausalLM .*{words}") as refused:
        engine_arguments(checkpoint(**config), Settings(), {})
    assert refused.value.where == "/weights/it/config.json"
    assert "MODEL_ENGINE=transformers" in refused.value.hint


def test_what_is_set_already_is_no_option() -> None:
    options = {"trust_remote_code": True, "max_model_len": 9, "max_num_seqs": 3, "seed": 1}
    with pytest.raises(EngineError) as refused:
        engine_arguments(checkpoint(), Settings(context=8), options)
    assert [one.where for one in refused.value.problems] == ["max_model_len", "trust_remote_code"]
    del options["trust_remote_code"]
    given = engine_arguments(checkpoint(), Settings(), options)
    assert (given["max_model_len"], given["max_num_seqs"]) == (9, 3)


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        (Settings(dtype="int3"), "dtype"),
        (Settings(cache_tokens=99), "cache_tokens"),
        (Settings(max_adapters=9), "max_adapters"),
    ],
)
def test_settings_without_a_meaning_here_are_refused(settings: Settings, where: str) -> None:
    with pytest.raises(EngineError) as refused:
        engine_arguments(checkpoint(), settings, {})
    assert refused.value.where == where
    assert refused.value.hint
