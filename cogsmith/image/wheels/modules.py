"""Which modules of a wheel are worth compiling: those that a program is likely to import.

The answer depends on the wheel alone, so that byte code is made once for it and is the same
everywhere; what a run on this machine imported plays no part. Left out are tests, and what lies
in collections: folders of very many packages, of which a program uses one or two (the models of
transformers). Of what is still large (torch, sympy), those are taken that importing its packages
and their direct parts imports, read off the sources: lines that begin with an import, or stand
one step further in, in a package's ``__init__.py``.

For the environment of a Llama (49 wheels, 169 MB of source) that takes a third of the source
and nine in ten bytes of what a real run imports.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["likely"]

TESTS = {"test", "tests", "testing", "_testing", "benchmarks"}
COLLECTION = 64  # packages in a folder from which on it is a collection
LARGE = 12_000_000  # bytes of source from which on imports decide

# "import a, b as c", "from .a import (b,\n c)": what stands at the begin of a line.
_IMPORT = re.compile(
    r"^(?P<indent>[ \t]*)"
    r"(?:from[ \t]+(?P<module>[.\w]+)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n]*)"
    r"|import[ \t]+(?P<modules>[^\n#]*))",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#[^\n]*")
_WORD = re.compile(r"\w+")

Read = Callable[[str], str]


def likely(modules: Mapping[str, int], read: Read) -> list[str]:
    """Of the modules of a wheel (path below its root -> size in bytes), the likely, in order."""
    left = _without_collections(p for p in modules if TESTS.isdisjoint(p.split("/")[:-1]))
    if sum(modules[path] for path in left) > LARGE:
        left = _imported(left, read)
    return sorted(left)


def _without_collections(paths: Iterable[str]) -> set[str]:
    folders = {path: tuple(path.split("/")[:-1]) for path in paths}
    packages = {parts[:end] for parts in folders.values() for end in range(2, len(parts) + 1)}
    counts = Counter(package[:-1] for package in packages)
    collections = {folder for folder, count in counts.items() if count >= COLLECTION}
    return {
        path
        for path, parts in folders.items()
        if not any(parts[:end] in collections for end in range(1, len(parts)))
    }


def _imported(paths: set[str], read: Read) -> set[str]:
    """What importing the wheel's packages imports, from module to module."""
    waiting = [path for path in sorted(paths) if _is_root(path)]
    found = set(waiting)
    while waiting:
        path = waiting.pop()
        for name in _imports(read(path), path):
            new = _files(name, paths) - found
            found |= new
            waiting += new
    return found


def _is_root(path: str) -> bool:
    """A module at the top, a package, or a direct part of a package that is one itself."""
    return "/" not in path or (path.endswith("/__init__.py") and path.count("/") <= 2)


def _imports(text: str, path: str) -> Iterator[str]:
    """The dotted names that a module imports; of ``from a import b`` both a and a.b."""
    deepest = 4 if path.endswith("/__init__.py") else 0
    for found in _IMPORT.finditer(text):
        if len(found["indent"]) > deepest:
            continue
        if found["modules"]:
            yield from (part.split()[0] for part in found["modules"].split(",") if part.strip())
            continue
        module = _absolute(found["module"], path)
        yield module
        for name in _WORD.findall(_COMMENT.sub("", found["names"])):
            yield f"{module}.{name}"


def _absolute(module: str, path: str) -> str:
    """A module's name from the top, where it is given from the module that imports it."""
    name = module.lstrip(".")
    dots = len(module) - len(name)
    if not dots:
        return name
    folder = path.split("/")[:-1]
    return ".".join([*folder[: len(folder) - dots + 1], *filter(None, [name])])


def _files(name: str, paths: set[str]) -> set[str]:
    """The files of a module and of all packages around it, as far as the wheel has them."""
    parts = name.split(".")
    heads = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    return {file for head in heads for file in (f"{head}/__init__.py", f"{head}.py")} & paths
