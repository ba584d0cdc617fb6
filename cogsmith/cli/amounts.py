"""Bytes and seconds in words for people: three digits are enough."""

from __future__ import annotations

__all__ = ["of_both", "rate", "seconds", "size"]

_UNITS = ("B", "kB", "MB", "GB", "TB")


def size(count: float) -> str:
    """So many bytes, in units of a thousand as disks and networks count.

    >>> size(0), size(999), size(12_345), size(191_700_000), size(2_790_000_000)
    ('0 B', '999 B', '12.3 kB', '192 MB', '2.79 GB')
    """
    amount, unit = _scaled(count)
    return f"{_digits(amount, unit)} {unit}"


def of_both(done: float, total: float) -> str:
    """How much of how much, in the unit of the whole.

    >>> of_both(1_200_000, 2_790_000_000), of_both(5, 9)
    ('0.00 of 2.79 GB', '5 of 9 B')
    """
    amount, unit = _scaled(total)
    part = done / 1000 ** _UNITS.index(unit)
    places = len(_digits(amount, unit).partition(".")[2])
    return f"{part:.{places}f} of {_digits(amount, unit)} {unit}"


def rate(bytes_per_second: float) -> str:
    """A speed; "" for none.

    >>> rate(95_000_000), rate(0)
    ('95.0 MB/s', '')
    """
    return f"{size(bytes_per_second)}/s" if bytes_per_second else ""


def seconds(count: float) -> str:
    """A duration.

    >>> seconds(0.0712), seconds(2.63), seconds(74), seconds(3725)
    ('0.07 s', '2.6 s', '1 min 14 s', '62 min 5 s')
    """
    if count < 60:
        return f"{count:.2f} s" if count < 1 else f"{count:.1f} s"
    minutes, rest = divmod(round(count), 60)
    return f"{minutes} min {rest} s"


def _scaled(count: float) -> tuple[float, str]:
    for unit in _UNITS[:-1]:
        if round(count) < 1000:
            return count, unit
        count /= 1000
    return count, _UNITS[-1]


def _digits(amount: float, unit: str) -> str:
    if unit == "B":
        return f"{amount:.0f}"
    return f"{amount:.2f}" if amount < 10 else f"{amount:.1f}" if amount < 100 else f"{amount:.0f}"
