"""Which modules of a wheel are worth compiling: those that a program is likely to import.

The answer depends on the wheel alone, so that byte code is made once for it and is the same
everywhere; what a run on this machine imported plays no part. Left out are tests, and what lies
in collections: folders of very many packages, of which a program uses one or two (the models of
transformers). Of what is still large (torch, sympy, pygments), those are taken that importing its
packages and their direct parts imports, read off the sources: lines that begin with an import, or
stand one step further in, in a package's ``__init__.py``. Packages around a collection say in
other ways what they import, so of them, unless they are huge, all is taken.

For the environment of a Llama (48 wheels, 169 MB of source) that takes not half of the source,
and all but 0.05 of the 45 MB that a real run imports.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["likely"]

TESTS = {"test", "tests", "testing", "_testing", "benchmarks"}
COLLECTION = 64  # packages in a folder from which on it is a collection
DEPTH = 3  # slashes in the path of a package that may be imported by itself: torch.distributed.fsdp
LARGE = 2_000_000  # bytes of source from which on imports decide
HUGE = 12_000_000  # the same for what is around collections

# "import a, b as c", "from .a import (b,\n c)".
_IMPORT = re.compile(
    r"from[ \t]+(?P<module>[.\w]+)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n]*)"
    r"|import[ \t]+(?P<modules>[^\n#]*)"
)
# How lines begin that import: to find these is ten times as fast as to search by a pattern.
_AT_ONCE = ("\nfrom ", "\nimport ")
_ONE_STEP_IN = ("\n    from ", "\n    import ", "\n\tfrom ", "\n\timport ")
_COMMENT = re.compile(r"#[^\n]*")
_WORD = re.compile(r"\w+")

Read = Callable[[str], str]


def likely(modules: Mapping[str, int], read: Read) -> list[str]:
    """Of the modules of a wheel (path below its root -> size in bytes), the likely, in order."""
    taken = {path for path in modules if TESTS.isdisjoint(path.split("/")[:-1])}
    collections = _collections(taken)
    left = {path for path in taken if not _lies_in(path, collections)}
    if sum(modules[path] for path in left) > (LARGE if left == taken else HUGE):
        roots = {path for path in left if _is_root(path)}
        return sorted(_imported(roots, set(modules), read))  # torch.testing is imported, too
    if left != taken:  # of a collection, what the rest imports (transformers: models.auto)
        left |= _named_by(left, collections, taken, read)
    return sorted(left)


def _collections(paths: Iterable[str]) -> set[tuple[str, ...]]:
    """The folders with very many packages in them."""
    folders = {tuple(path.split("/")[:-1]) for path in paths}
    packages = {parts[:end] for parts in folders for end in range(2, len(parts) + 1)}
    counts = Counter(package[:-1] for package in packages)
    return {folder for folder, count in counts.items() if count >= COLLECTION}


def _lies_in(path: str, collections: set[tuple[str, ...]]) -> bool:
    """Whether a module belongs to a package of a collection (the collection's own do not)."""
    parts = tuple(path.split("/")[:-1])
    return any(parts[:end] in collections for end in range(1, len(parts)))


def _named_by(
    left: set[str], collections: set[tuple[str, ...]], paths: set[str], read: Read
) -> set[str]:
    """The modules of collections that modules outside of them import.

    With what those import from their own package, and no more: models import each other.
    """
    outside = {path for path in left if tuple(path.split("/")[:-1]) not in collections}
    named = _named(outside, paths, read)
    beside = _named(named - outside, paths, read)
    folders = {path.rpartition("/")[0] for path in named - outside}
    return named | {path for path in beside if path.rpartition("/")[0] in folders}


def _named(modules: Iterable[str], paths: set[str], read: Read) -> set[str]:
    """What these modules import, as far as it is among the paths."""
    return {
        file for path in modules for name in _imports(read(path), path)
        for file in _files(name, paths)
    }  # fmt: skip


def _imported(roots: set[str], paths: set[str], read: Read) -> set[str]:
    """What importing these modules imports, from module to module."""
    waiting = sorted(roots)
    found = set(waiting)
    while waiting:
        path = waiting.pop()
        new = _named([path], paths, read) - found
        found |= new
        waiting += new
    return found


def _is_root(path: str) -> bool:
    """A module at the top, or a package not more than two steps below it."""
    return "/" not in path or (path.endswith("/__init__.py") and path.count("/") <= DEPTH)


def _imports(text: str, path: str) -> Iterator[str]:
    """The dotted names that a module imports; of ``from a import b`` both a and a.b."""
    for found in _statements(text, is_package=path.endswith("/__init__.py")):
        if found["modules"]:
            yield from (part.split()[0] for part in found["modules"].split(",") if part.strip())
            continue
        module = _absolute(found["module"], path)
        yield module
        for name in _WORD.findall(_COMMENT.sub("", found["names"])):
            yield f"{module}.{name}"


def _statements(text: str, *, is_package: bool) -> Iterator[re.Match[str]]:
    text = f"\n{text}"
    for begin in (*_AT_ONCE, *(_ONE_STEP_IN if is_package else ())):
        at = text.find(begin)
        while at >= 0:
            if found := _IMPORT.match(text, at + len(begin) - len(begin.lstrip())):
                yield found
            at = text.find(begin, at + 1)


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
