"""From a folder or a hub id to a language model, on the engine that was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cogsmith.engine.text import LanguageModel
from cogsmith.engine.transformers.load import load as load_transformers
from cogsmith.engine.transformers.options import Options, Settings
from cogsmith.engine.vllm.load import installed as vllm_is_installed
from cogsmith.engine.vllm.load import load as load_vllm
from cogsmith.errors import EngineError

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["load"]

_ENGINES = ("auto", "transformers", "vllm")


async def load(
    source: str | Path,
    *,
    engine: str = "auto",
    engine_options: Mapping[str, Any] | None = None,
    **options: Unpack[Options],
) -> LanguageModel:
    """Load a checkpoint, ready to answer.

    ``source`` is a folder, or a hub id such as ``org/name``. ``engine`` is ``transformers``,
    ``vllm``, or ``auto``: vLLM where it is installed. ``options`` are ``device``, ``dtype``,
    ``revision``, ``context``, ``cache_tokens``, ``max_batch`` and ``max_adapters``, with the same
    meanings for both; ``engine_options`` are vLLM's own engine arguments.

    Raises CheckpointError with the exact path and what to do, or EngineError for an engine,
    a device, a dtype or an option that there is not.
    """
    if engine not in _ENGINES:
        raise EngineError(
            f"no such engine: {engine}", where="engine", hint=f"use {', '.join(_ENGINES)}"
        )
    if engine == "vllm" or (engine == "auto" and vllm_is_installed()):
        return await load_vllm(source, Settings(**options), engine_options or {})
    if engine_options:
        raise EngineError(
            f"the transformers engine has none of its own: {', '.join(sorted(engine_options))}",
            where="engine_options",
            hint="leave them out, or choose the vllm engine",
        )
    return await load_transformers(source, **options)
