"""What a predictor's result is: one value, or items that come one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

_VALUES = (str, bytes, bytearray, dict)


class ResultError(TypeError):
    """A result that fits neither a sync nor an async predictor."""


def items_of(result: Any, iterator: bool) -> Iterable[Any] | None:
    """The items of an iterator, or of any iterable where one was declared; else None.

    Raises ResultError for what only an event loop could run.
    """
    if hasattr(result, "read"):
        return None  # an open file also iterates, over its lines
    if hasattr(result, "__next__"):
        return result  # type: ignore[no-any-return]
    if hasattr(result, "__await__") or hasattr(result, "__anext__"):
        raise ResultError(
            f"predict() returned {type(result).__name__}, which needs an event loop; "
            "declare it with async def"
        )
    if iterator and hasattr(result, "__iter__") and not isinstance(result, _VALUES):
        return result  # type: ignore[no-any-return]
    return None


def context_of(payload: bytes) -> dict[str, str]:
    """The context that came with a request."""
    return {str(key): str(value) for key, value in json.loads(payload).items()}
