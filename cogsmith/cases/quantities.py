"""Durations and sizes as people write them in case files."""

from __future__ import annotations

import re

__all__ = ["number_of_bytes", "number_of_seconds", "share_or_number"]

_TIMES = {"": 1.0, "s": 1.0, "ms": 0.001, "m": 60.0, "min": 60.0, "h": 3600.0}
_SIZES = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_AMOUNT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z%]*)\s*")


def number_of_seconds(value: object) -> float:
    """Seconds of a number, or of a text like ``500ms``. Raises ValueError.

    >>> number_of_seconds("500ms"), number_of_seconds(2), number_of_seconds("1.5 min")
    (0.5, 2.0, 90.0)
    """
    return _amount(value, _TIMES, "seconds, like 2, 500ms or 1min")


def number_of_bytes(value: object) -> int:
    """Bytes of a number, or of a text like ``2GB`` (of 1000) or ``2GiB`` (of 1024).

    Raises ValueError.

    >>> number_of_bytes("2GB"), number_of_bytes("512MiB"), number_of_bytes(9)
    (2000000000, 536870912, 9)
    """
    return int(_amount(value, _SIZES, "bytes, like 2GB, 512MiB or 1000000"))


def share_or_number(value: object) -> tuple[float, float]:
    """A tolerance: what is allowed in all, and as a share of the value. Raises ValueError.

    >>> share_or_number(0.5), share_or_number("1%")
    ((0.5, 0.0), (0.0, 0.01))
    """
    words = "a number, or a share like 1%"
    if isinstance(value, str) and value.strip().endswith("%"):
        return 0.0, _amount(value.strip()[:-1], {"": 0.01}, words)
    return _amount(value, {"": 1.0}, words), 0.0


def _amount(value: object, units: dict[str, float] | dict[str, int], words: str) -> float:
    found = None if isinstance(value, bool) else _AMOUNT.fullmatch(str(value))
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    if found is None or found[2].lower() not in units:
        raise ValueError(f"must be {words}")
    return float(found[1]) * units[found[2].lower()]
