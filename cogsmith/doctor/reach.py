"""Which files of a project a model's code is made of: those that its imports lead to."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from cogsmith.doctor.source import parse_source

__all__ = ["reached"]


def reached(sources: Mapping[str, bytes], *starts: str) -> tuple[str, ...]:
    """The files that the starting ones import, these included, in the order of the alphabet.

    >>> reached({"a.py": b"from parts import b", "parts/b.py": b"", "c.py": b""}, "a.py")
    ('a.py', 'parts/b.py')
    """
    found: set[str] = set()
    waiting = [start for start in starts if start in sources]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        source = parse_source(sources[path])
        if source is not None:
            waiting += [to for to in _named(source.tree, path) if to in sources]
    return tuple(sorted(found))


def _named(tree: ast.Module, path: str) -> Iterator[str]:
    """The files that the imports of a file may mean."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            folders = path.split("/")[:-1]
            base = folders[: max(0, len(folders) - node.level + 1)] if node.level else []
            module = [*base, *(node.module.split(".") if node.module else [])]
            yield from _files(module)
            for alias in node.names:
                yield from _files([*module, alias.name])


def _files(parts: list[str]) -> Iterator[str]:
    for end in range(1, len(parts) + 1):
        name = "/".join(parts[:end])
        yield from (f"{name}.py", f"{name}/__init__.py")
