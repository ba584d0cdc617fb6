"""From a folder or a hub id to a language model on the vLLM back end."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cogsmith.engine.text import LanguageModel
from cogsmith.engine.transformers.options import Settings
from cogsmith.engine.transformers.phases import Phases
from cogsmith.engine.transformers.source import find
from cogsmith.engine.transformers.tokenizer import load_tokenizer
from cogsmith.engine.vllm.arguments import engine_arguments
from cogsmith.engine.vllm.engine import Backend, VllmEngine
from cogsmith.errors import CheckpointError

__all__ = ["installed", "load"]

# What vLLM reads from the environment when it is imported; a variable of the author's wins.
_ENVIRONMENT = MappingProxyType(
    {
        "VLLM_LOGGING_LEVEL": "WARNING",  # at INFO it writes a page at each start
        "VLLM_NO_USAGE_STATS": "1",  # it would tell its makers what runs where
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # a fork would keep our worker's descriptors
    }
)


def installed() -> bool:
    """Whether the model's environment has vLLM; nothing is imported to find out."""
    return importlib.util.find_spec("vllm") is not None


async def load(
    source: str | Path, settings: Settings, options: Mapping[str, Any] = MappingProxyType({})
) -> LanguageModel:
    """Load a checkpoint, ready to answer.

    ``source`` is a folder, or a hub id such as ``org/name``. Of the settings, ``device`` is
    ``auto`` or the one that this build of vLLM is made for; a ``dtype`` of ``auto`` is the
    checkpoint's own, and float32 on a CPU. ``options`` are arguments of vLLM's
    `AsyncEngineArgs`, such as ``{"tensor_parallel_size": 2}``.

    Raises CheckpointError with the exact path and what to do, also where vLLM is not
    installed, or EngineError for a device, dtype or option that there is not.
    """
    phases = Phases()
    checkpoint = await asyncio.to_thread(find, source, settings.revision)
    arguments = engine_arguments(checkpoint, settings, options)
    if not installed():
        raise CheckpointError(
            "vLLM is not installed",
            where="vllm",
            hint="add vllm to the model's requirements, or set MODEL_ENGINE=transformers",
        )
    tokenizer = load_tokenizer(checkpoint)
    own = () if tokenizer.eos_id is None else (tokenizer.eos_id,)
    end_ids = checkpoint.end_ids or frozenset(own)
    phases.end("checkpoint")

    def make() -> Backend:
        library = _import()
        phases.end("import_vllm")
        backend: Backend = library.start(arguments, end_ids=end_ids, device=settings.device)
        phases.end("start")
        return backend

    engine = VllmEngine(make)
    await engine.load()
    return LanguageModel(engine, tokenizer, phases=phases.seconds)


def _import() -> Any:
    """The module that imports vLLM, which only the model's environment has."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        return importlib.import_module("cogsmith.engine.vllm.backend")
    except (ImportError, RuntimeError) as problem:  # torchvision of another build: RuntimeError
        raise CheckpointError(
            f"vLLM cannot be imported: {problem}",
            where="vllm",
            hint="it pins torch, torchvision and transformers: give it an environment of its own, "
            "with no other versions of these in the requirements",
        ) from None
