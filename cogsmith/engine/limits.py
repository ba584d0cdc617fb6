"""Two dialects of one input: ``max_tokens`` and the older ``max_new_tokens``; stop texts."""

from __future__ import annotations

import json
from dataclasses import dataclass

from cogsmith.errors import EngineError, Problem

__all__ = ["TokenLimits", "parse_stops", "token_limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLimits:
    """The most and the fewest tokens of an answer."""

    max_tokens: int
    min_tokens: int = 0


def token_limits(
    max_tokens: int | None = None,
    max_new_tokens: int | None = None,
    *,
    min_tokens: int | None = None,
    min_new_tokens: int | None = None,
    default: int = 512,
) -> TokenLimits:
    """Fold both names of both limits to one; a minimum of -1 (the older "unset") is 0.

    >>> token_limits(None, 64, min_tokens=-1)
    TokenLimits(max_tokens=64, min_tokens=0)

    Raises:
        EngineError: both names are given and differ (E1101 for the most, E1102 for the
            fewest), or the fewest exceed the most (E1000).

    """
    most = _one("max_tokens", max_tokens, max_new_tokens, code="E1101")
    fewest = _one("min_tokens", min_tokens, min_new_tokens, code="E1102")
    limits = TokenLimits(
        max_tokens=default if most is None else most, min_tokens=max(fewest or 0, 0)
    )
    if limits.max_tokens < 1:
        raise EngineError(f"must be at least 1, not {limits.max_tokens}", where="max_tokens")
    if limits.min_tokens > limits.max_tokens:
        raise EngineError(
            f"{limits.min_tokens} is more than max_tokens, which is {limits.max_tokens}",
            where="min_tokens",
            hint="lower min_tokens or raise max_tokens",
        )
    return limits


def parse_stops(text: str | None) -> tuple[str, ...]:
    r"""Stop sequences from the field's comma-separated input; empty ones are dropped.

    Blanks belong to a sequence, since ``", "`` may be meant; ``\n`` and ``\t`` may be written
    with a backslash, which a command line needs. A JSON array of texts is one too: nothing
    else can say a comma.

    >>> parse_stops("###,\\n\\n,")
    ('###', '\n\n')
    >>> parse_stops('["a,b", "\\n"]')
    ('a,b', '\n')
    """
    words = _array(text or "")
    if words is None:
        words = (text or "").replace("\\n", "\n").replace("\\t", "\t").split(",")
    return tuple(word for word in words if word)


def _array(text: str) -> list[str] | None:
    """The texts of a JSON array; None for whatever else there is, such as ``[INST]``."""
    if not text.lstrip().startswith("["):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if all(isinstance(word, str) for word in found) else None


def _one(name: str, value: int | None, older: int | None, *, code: str) -> int | None:
    old_name = name.replace("_tokens", "_new_tokens")
    if value is None or older is None or value == older:
        return older if value is None else value
    message = f"{name} is {value} and {old_name} is {older}: they are two names of one limit"
    raise EngineError([Problem(message, name, f"give only {name}")], code=code)
