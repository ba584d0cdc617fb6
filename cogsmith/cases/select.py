"""Which of the cases are meant."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from cogsmith.cases.case import Case

__all__ = ["select"]


def select(
    cases: Sequence[Case], names: Sequence[str] = (), tags: Sequence[str] = ()
) -> tuple[Case, ...]:
    """Cases whose names match one of the patterns (``*``, ``?``), and that have one of the tags.

    None given is all of them. Where cases say ``only``, those alone, unless they are named.
    """
    found = [
        case
        for case in cases
        if (not names or any(fnmatchcase(case.name, name) for name in names))
        and (not tags or set(tags) & set(case.entry.tags))
    ]
    alone = [case for case in found if case.entry.only]
    return tuple(found if names or not alone else alone)
