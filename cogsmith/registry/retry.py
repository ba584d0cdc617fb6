"""When a failed request is tried again, and how long we wait before that. Pure.

Delays grow by a factor and are drawn at random below that ("full jitter"), so that the lanes
of a hundred pushes do not come back in step. A registry's own ``Retry-After`` is a floor.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime

from cogsmith.values import dataclass

__all__ = ["Backoff", "parse_retry_after"]

# What passes: too many requests, a registry that starts or is swapped, a proxy before it.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How often a request is tried in all, and the seconds between two tries.

    ``longest`` bounds each of our delays, ``patience`` what a registry may ask for: when it
    wants more, the request has failed.
    """

    tries: int = 6
    first: float = 0.5
    factor: float = 2.0
    longest: float = 30.0
    patience: float = 120.0

    def ceiling(self, failures: int) -> float:
        """The longest delay after so many failures in a row (1: the first)."""
        exponent = min(failures - 1, 64)
        return min(self.first * self.factor**exponent, self.longest)

    def delay(self, failures: int, retry_after: float, draw: Callable[[], float]) -> float | None:
        """Seconds until the next try, None when there is none.

        ``draw`` gives a number from 0 to 1. Between half the ceiling and the ceiling: a delay
        of nothing would be no delay.

        >>> Backoff().delay(3, 0, lambda: 1.0), Backoff(tries=3).delay(3, 0, lambda: 1.0)
        (2.0, None)
        """
        if failures >= self.tries or retry_after > self.patience:
            return None
        return max(self.ceiling(failures) * (0.5 + draw() / 2), retry_after)


def parse_retry_after(header: str, now: float) -> float:
    """Seconds that ``Retry-After`` asks for: a number, or a date; 0 for what is neither.

    ``now`` is in seconds since 1970.

    >>> parse_retry_after("3", 0), parse_retry_after("Thu, 01 Jan 1970 00:00:09 GMT", 4)
    (3.0, 5.0)
    """
    text = header.strip()
    if text.isascii() and text.isdecimal():
        return float(text) if len(text) < 10 else 1e9
    try:
        return max(parsedate_to_datetime(text).timestamp() - now, 0.0)
    except (ValueError, TypeError, OverflowError):
        return 0.0
