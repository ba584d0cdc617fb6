"""A small part of JSONPath (RFC 9535): names, indexes and wildcards.

``$.a.b``, ``$['a b']``, ``$.list[0]``, ``$.list[-1]``, ``$.list[*].name``, ``$.*``. There are no
filters, slices and descents: what needs them is better said by a schema or a judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = ["JsonPath"]

_STEP = re.compile(
    r"""\.(?P<name>[A-Za-z_\u0080-\U0010ffff][\w\u0080-\U0010ffff-]*)"""
    r"""|\.(?P<all>\*)|\[(?P<every>\*)\]|\[(?P<index>-?(?:0|[1-9][0-9]*))\]"""
    r"""|\['(?P<single>[^'\\]*)'\]|\["(?P<double>[^"\\]*)"\]"""
)


class _Wild(Enum):
    ALL = "*"


Step = str | int | _Wild


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A path that was read; ``find`` is what it means in a value."""

    text: str
    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> JsonPath:
        """Read a path. Raises ValueError, worded to follow the path.

        >>> list(JsonPath.parse("$.a[*]").find({"a": [1, 2]}))
        [('$.a[0]', 1), ('$.a[1]', 2)]
        """
        if not text.startswith("$"):
            raise ValueError("must begin with $, the whole output")
        at, steps = 1, []
        while at < len(text):
            found = _STEP.match(text, at)
            if found is None:
                raise ValueError(
                    f"cannot be read from {text[at:]!r} on; known are .name, ['name'], [0] and [*]"
                )
            steps.append(_step(found))
            at = found.end()
        return cls(text, tuple(steps))

    def find(self, value: Any) -> Iterator[tuple[str, Any]]:
        """Each place that the path leads to, with its own path and its value."""
        return _find("$", value, self.steps)


def _step(found: re.Match[str]) -> Step:
    if found["all"] or found["every"]:
        return _Wild.ALL
    if found["index"] is not None:
        return int(found["index"])
    return next(name for name in found.group("name", "single", "double") if name is not None)


def _find(path: str, value: Any, steps: tuple[Step, ...]) -> Iterator[tuple[str, Any]]:
    if not steps:
        yield path, value
        return
    step, rest = steps[0], steps[1:]
    if isinstance(value, list):
        for index in _indexes(step, len(value)):
            yield from _find(f"{path}[{index}]", value[index], rest)
    elif isinstance(value, dict):
        names = value if step is _Wild.ALL else [step] if step in value else []
        for name in names:
            yield from _find(f"{path}.{name}", value[name], rest)


def _indexes(step: Step, length: int) -> range | list[int]:
    if step is _Wild.ALL:
        return range(length)
    if isinstance(step, int) and -length <= step < length:
        return [step % length]
    return []
