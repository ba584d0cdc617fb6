"""How a checkpoint is run, as `load` is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from cogsmith.errors import EngineError, Problem

__all__ = ["MAX_ADAPTERS", "MAX_BATCH", "Options", "Settings"]

MAX_BATCH = 32
MAX_ADAPTERS = 8


class Options(TypedDict, total=False):
    """The keywords of `load`; `Settings` has their meanings and defaults."""

    device: str
    dtype: str
    revision: str | None
    context: int | None
    cache_tokens: int | None
    max_batch: int | None
    max_adapters: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The same, whole and looked over.

    ``device`` is ``auto`` (CUDA, then MPS, then CPU), ``cpu``, ``cuda``, ``cuda:1``, ``mps``;
    ``dtype`` is ``auto`` (bfloat16 on an accelerator, float32 on CPU), ``float32``,
    ``bfloat16``, ``float16``. ``revision`` is the hub's. ``context`` lowers the model's own
    limit of tokens per request. ``cache_tokens`` bounds the tokens, of all requests together,
    whose keys and values are in memory: a share of what is free where it is None.
    ``max_batch`` is how many requests run at once (None: 32; 8 where each has a loop of its
    own); the others wait. ``max_adapters`` is how many adapters stay loaded (None: 8).

    Raises EngineError for a bound below 1.
    """

    device: str = "auto"
    dtype: str = "auto"
    revision: str | None = None
    context: int | None = None
    cache_tokens: int | None = None
    max_batch: int | None = None
    max_adapters: int | None = None

    def __post_init__(self) -> None:
        """Refuse bounds that let nothing in."""
        names = ("context", "cache_tokens", "max_batch", "max_adapters")
        found = [(name, getattr(self, name)) for name in names]
        problems = [
            Problem(f"must be at least 1, not {value}", name, "leave it out for the default")
            for name, value in found
            if value is not None and value < 1
        ]
        if problems:
            raise EngineError(problems)
