"""From a folder or a hub id to a language model on the transformers back end."""

from __future__ import annotations

from pathlib import Path

from cogsmith.engine.text import LanguageModel

__all__ = ["load"]


async def load(
    source: str | Path,
    *,
    device: str = "auto",
    dtype: str = "auto",
    revision: str | None = None,
    context: int | None = None,
) -> LanguageModel:
    """Load a checkpoint, ready to answer.

    ``source`` is a folder, or a hub id such as ``org/name`` at ``revision``. ``device`` is
    ``auto`` (CUDA, then MPS, then CPU), ``cpu``, ``cuda``, ``cuda:1``, ``mps``; ``dtype`` is
    ``auto`` (bfloat16 on an accelerator, float32 on CPU), ``float32``, ``bfloat16``,
    ``float16``. ``context`` lowers the model's own limit of tokens per request.

    Raises:
        CheckpointError: with the exact path, and what to do.
    """
    raise NotImplementedError
