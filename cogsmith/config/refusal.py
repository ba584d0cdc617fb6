"""How a check says no: a reason that completes ``invalid KEY "VALUE": ...``, and advice."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable

from pydantic_core import PydanticCustomError

__all__ = ["nearest", "refused", "shown"]


def refused(reason: str, hint: str = "") -> PydanticCustomError:
    """The error that a validator raises; the two texts travel in its context, unformatted."""
    return PydanticCustomError("refused", "{reason}", {"reason": reason, "hint": hint})


def nearest(word: str, known: Iterable[str]) -> str:
    """The advice ``did you mean "gpu"?``, or nothing where no known word is close.

    >>> nearest("gpus", ["gpu", "cuda"])
    'did you mean "gpu"?'
    """
    found = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f'did you mean "{found[0]}"?' if found else ""


def shown(value: object, limit: int = 80) -> str:
    """A value as an author recognizes it: JSON, on one line, cut where it is long.

    >>> shown("3.7"), shown(True), shown(["a"])
    ('"3.7"', 'true', '["a"]')
    """
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else f"{text[:limit]}…"
