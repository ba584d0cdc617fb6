"""TOML, written: what a lock needs of it, in the form in which locks are read and compared.

Top-level values, then tables, then arrays of tables, one element of a list per line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

__all__ = ["render"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_UNPRINTABLE = re.compile(r"[\x7f-\x9f\u2028\u2029]")


def render(document: Mapping[str, object]) -> str:
    """Write a document; reading it gives the same values (``tomllib.loads``).

    Values are strings, whole numbers, booleans, dates with time, lists and tables.
    """
    return "\n".join(_table(document, ())).lstrip("\n") + "\n"


def _table(table: Mapping[str, object], path: tuple[str, ...]) -> list[str]:
    """A table's own values first: what follows a header belongs to that header."""
    plain = {
        k: v for k, v in table.items() if not isinstance(v, Mapping) and not _of_tables(v, path)
    }
    lines = [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in table.items():
        below = (*path, key)
        header = ".".join(map(_key, below))
        if isinstance(value, Mapping):
            own = [f"\n[{header}]"] if not value or not _only_tables(value, below) else []
            lines += [*own, *_table(value, below)]
        elif _of_tables(value, path) and isinstance(value, Sequence):
            for item in value:
                lines += [f"\n[[{header}]]", *_entries(item)]
    return lines


def _only_tables(table: Mapping[str, object], path: tuple[str, ...]) -> bool:
    return all(isinstance(v, Mapping) or _of_tables(v, path) for v in table.values())


def _of_tables(value: object, path: tuple[str, ...]) -> bool:
    """Whether a value is written as ``[[...]]``: lists of tables at the top of the document."""
    return (
        not path
        and isinstance(value, list)
        and bool(value)
        and all(isinstance(item, Mapping) for item in value)
    )


def _entries(table: Mapping[str, object]) -> list[str]:
    return [f"{_key(key)} = {_value(value)}" for key, value in table.items()]


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: object) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Sequence):
        return _list(value)
    raise TypeError(f"TOML has no {type(value).__name__}")


def _list(items: Sequence[object]) -> str:
    if len(items) < 2:
        return f"[{''.join(map(_value, items))}]"
    return "[\n" + "".join(f"  {_value(item)},\n" for item in items) + "]"


def _text(text: str) -> str:
    """A basic string: JSON's escapes are TOML's, and TOML wants some more of them."""
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)
