"""A request that was understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Asked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which predictions to run, and how to word what comes of them.

    ``inputs`` has one mapping for each choice, in the order of the choices' indices, ready for
    the signature; the first ``per_prompt`` of them answer the first prompt, and so on. ``id`` is
    the answer's, of which all choices are part. ``limit`` is the most tokens that a choice may
    have, where it is known. With ``echo`` each text begins with its prompt.
    """

    id: str
    model: str
    chat: bool
    inputs: tuple[Mapping[str, object], ...] = ()
    per_prompt: int = 1
    stream: bool = False
    include_usage: bool = False
    logprobs: bool = False
    echo: bool = False
    limit: int | None = None
