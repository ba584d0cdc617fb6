"""Log probabilities as OpenAI's two kinds of answer hold them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

__all__ = ["Token", "as_chat", "as_completion", "read"]

UNLIKELY = -9999.0  # OpenAI's stand-in for minus infinity


@dataclass(frozen=True, slots=True)
class Token:
    """One token's text, its log probability and bytes, and those of the likeliest others."""

    text: str
    logprob: float
    bytes: tuple[int, ...] | None = None
    top: tuple[Token, ...] = ()


def read(value: object) -> Token | None:
    """The token that a predictor's ``logprobs`` metric tells of; None where it is something else.

    >>> read({"token": "a", "logprob": -0.5, "bytes": [97], "top": []})
    Token(text='a', logprob=-0.5, bytes=(97,), top=())
    """
    if not isinstance(value, Mapping):
        return None
    text, logprob = value.get("token"), value.get("logprob")
    if not isinstance(text, str):
        return None
    data, top = value.get("bytes"), value.get("top")
    return Token(
        text,
        float(logprob) if _is_finite(logprob) else UNLIKELY,
        tuple(data) if isinstance(data, list) else None,
        tuple(one for one in map(read, top) if one) if isinstance(top, list) else (),
    )


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and math.isfinite(value)


def as_chat(tokens: Sequence[tuple[Token, int]]) -> bytes:
    """``logprobs`` of a chat's choice, or of a chunk of it."""
    content = [
        {**_entry(token), "top_logprobs": [_entry(one) for one in token.top]} for token, _ in tokens
    ]
    return _json({"content": content, "refusal": None})


def _entry(token: Token) -> dict[str, object]:
    return {"token": token.text, "logprob": token.logprob, "bytes": token.bytes}


def as_completion(tokens: Sequence[tuple[Token, int]]) -> bytes:
    """``logprobs`` of a completion's choice; beside each token stands where in the text it is.

    The chosen token is always among the likeliest, as with OpenAI; of tokens that look alike (parts
    of characters), the likeliest counts.
    """
    return _json(
        {
            "text_offset": [offset for _, offset in tokens],
            "token_logprobs": [token.logprob for token, _ in tokens],
            "tokens": [token.text for token, _ in tokens],
            "top_logprobs": [_likeliest(token) for token, _ in tokens],
        }
    )


def _likeliest(token: Token) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in (*token.top, token):
        found[one.text] = max(one.logprob, found.get(one.text, one.logprob))
    return found


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
