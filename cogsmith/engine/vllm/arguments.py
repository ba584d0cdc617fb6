"""What vLLM is told when it starts; nothing here imports it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cogsmith.engine.transformers.options import Settings
from cogsmith.engine.transformers.source import Checkpoint
from cogsmith.engine.vllm.translate import MOST_LOGPROBS
from cogsmith.errors import CheckpointError, EngineError, Problem

__all__ = ["engine_arguments"]

_DTYPES = ("auto", "float32", "bfloat16", "float16")


def engine_arguments(
    checkpoint: Checkpoint, settings: Settings, options: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of ``AsyncEngineArgs``: ours, then the author's ``options``.

    vLLM gets token ids and gives token ids, so that it needs no tokenizer; the end tokens come
    with each request, so that it needs no generation_config.json. It reads safetensors alone
    and runs no code of the checkpoint's.

    Raises CheckpointError for a model that is not for this back end, EngineError for a dtype
    that there is not, or options that are not the author's to set.
    """
    _suits(checkpoint)
    _meant(settings)
    ours: dict[str, Any] = {
        "model": str(checkpoint.folder),
        "skip_tokenizer_init": True,
        "generation_config": "vllm",
        "load_format": "safetensors",
        "trust_remote_code": False,
        "enable_log_requests": False,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        "dtype": settings.dtype,
        "max_logprobs": MOST_LOGPROBS,
    }
    bounds = {
        "max_model_len": _context(checkpoint, settings.context),
        "max_num_seqs": settings.max_batch,
    }
    ours |= {name: bound for name, bound in bounds.items() if bound is not None}
    if taken := sorted(ours.keys() & options.keys()):
        raise EngineError(
            Problem("is no option: it is set already", name, "leave it out") for name in taken
        )
    return {**ours, **options}


def _meant(settings: Settings) -> None:
    """Refuse settings that mean nothing to vLLM."""
    if settings.dtype not in _DTYPES:
        raise EngineError(
            f"no such dtype: {settings.dtype}", where="dtype", hint=f"use {', '.join(_DTYPES)}"
        )
    if settings.max_adapters is not None:
        raise EngineError(
            "adapters are not passed on to vLLM",
            where="max_adapters",
            hint="use the transformers engine: MODEL_ENGINE=transformers",
        )
    if settings.cache_tokens is not None:
        raise EngineError(
            "vLLM measures its cache in bytes, not in tokens",
            where="cache_tokens",
            hint="leave it out; the options kv_cache_memory_bytes and gpu_memory_utilization "
            "are vLLM's own",
        )


def _suits(checkpoint: Checkpoint) -> None:
    """Refuse at once what vLLM would refuse, or what we do not pass on to it."""
    config = checkpoint.config
    if config.get("is_encoder_decoder"):
        kind = "is an encoder with a decoder, which vLLM does not run"
    elif "vision_config" in config:
        kind = "sees images, which are not passed on to vLLM"
    else:
        return
    raise CheckpointError(
        f"{checkpoint.architecture or 'this model'} {kind}",
        where=str(checkpoint.folder / "config.json"),
        hint="use the transformers engine: MODEL_ENGINE=transformers",
    )


def _context(checkpoint: Checkpoint, wanted: int | None) -> int | None:
    """The limit of tokens per request; None leaves it to vLLM, which reads the configuration."""
    own = checkpoint.config.get("max_position_embeddings")
    return None if wanted is None else min(wanted, own or wanted)
