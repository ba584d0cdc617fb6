"""The modules of a project: which name means what, and in which file it was made.

Nothing is imported. A module is its syntax tree and a table of what its names are bound to;
imports are followed inside the project, and end at the names of other packages.
"""

from __future__ import annotations

import ast
import builtins
import sys
import typing
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

from cogsmith.errors import SignatureError
from cogsmith.values import dataclass

__all__ = [
    "Assigned",
    "Binding",
    "Definition",
    "External",
    "Imported",
    "Located",
    "Module",
    "ModuleName",
    "Project",
    "Read",
    "Symbol",
    "Unknown",
    "bindings",
    "canonical",
    "place",
]

Read = Callable[[str], "str | None"]
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

# Never looked for in the project, whatever files lie there: what the reader itself speaks of,
# and the parts of the standard library that every interpreter has loaded first.
OUTSIDE = frozenset(
    {
        "abc", "asyncio", "builtins", "cog", "collections", "concurrent", "contextlib",
        "dataclasses", "enum", "functools", "io", "itertools", "json", "logging", "math", "os",
        "pathlib", "pydantic", "re", "sys", "threading", "typing", "typing_extensions",
        "warnings",
    }
)  # fmt: skip

# What `from cog import *` and the like bring.
STAR_NAMES = {
    "cog": frozenset(
        {
            "AsyncConcatenateIterator", "BaseModel", "BasePredictor", "BaseRunner",
            "CancelationException", "ConcatenateIterator", "File", "Input", "Opaque", "Path",
            "Secret", "concurrent", "current_scope", "streaming",
        }
    ),
    "typing": frozenset(typing.__all__),
    "pathlib": frozenset({"Path"}),
    "pydantic": frozenset({"BaseModel", "Field"}),
}  # fmt: skip

MUTATORS = frozenset(
    {
        "add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove",
        "reverse", "setdefault", "sort", "update",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Imported:
    """``from module import name``; no name for ``import module``. ``module`` is absolute."""

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class Assigned:
    """``name = value``."""

    value: ast.expr


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name whose value only running the module would tell."""

    reason: str


Binding = Imported | Assigned | Unknown | Definition


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the project."""

    path: str
    names: Mapping[str, Binding]
    stars: tuple[str, ...]
    doc: str = ""


@dataclass(frozen=True, slots=True)
class External:
    """A name of a package outside the project: ``cog.Input``, ``builtins.int``."""

    origin: str


@dataclass(frozen=True, slots=True)
class ModuleName:
    """A module itself, of the project or not."""

    dotted: str


@dataclass(frozen=True, slots=True)
class Located:
    """A name made in the project: where, and by what."""

    module: Module
    binding: Assigned | Unknown | Definition


Symbol = External | ModuleName | Located


def place(module: Module, node: ast.AST) -> str:
    """``predict.py:12``."""
    return f"{module.path}:{getattr(node, 'lineno', 1)}"


ALIASES = {
    "typing.List": "builtins.list",
    "typing.Dict": "builtins.dict",
    "typing.Text": "builtins.str",
    "typing.Set": "builtins.set",
    "typing.Tuple": "builtins.tuple",
    "cog.Iterator": "typing.Iterator",
    "cog.AsyncIterator": "typing.AsyncIterator",
    "pathlib.Path": "cog.Path",
    "pathlib.PosixPath": "cog.Path",
    "os.PathLike": "cog.Path",
}


def canonical(origin: str) -> str:
    """One spelling for names that mean the same: ``typing.List`` is ``builtins.list``."""
    package, _, name = origin.partition(".")
    last = name.rpartition(".")[2]
    if package in ("cog", "pydantic"):
        origin = f"{package}.{last}"
    elif package == "typing_extensions":
        origin = f"typing.{name}"
    elif origin.startswith("collections.abc."):
        origin = f"typing.{last}"
    return ALIASES.get(origin, origin)


@dataclass(slots=True)
class Project:
    """The files that names are followed into, each parsed at most once.

    ``read`` gives the text of a file by its path inside the project (``models/output.py``),
    or None where there is none.
    """

    read: Read
    parsed: dict[str, Module | None] = field(default_factory=dict)
    trail: list[tuple[str, str]] = field(default_factory=list)

    def file(self, path: str) -> Module | None:
        """The module in that file; None where there is no file.

        Raises SignatureError where the file is not Python.
        """
        if path not in self.parsed:
            text = self.read(path)
            self.parsed[path] = None if text is None else parse_module(path, text)
        return self.parsed[path]

    def module(self, dotted: str) -> Module | None:
        """The project's module of that name; None where it is not the project's."""
        if not dotted or dotted.partition(".")[0] in OUTSIDE:
            return None
        base = dotted.replace(".", "/")
        return self.file(f"{base}.py") or self.file(f"{base}/__init__.py")

    def look_up(self, module: Module, name: str) -> Symbol | None:
        """What a name means at the top of a module, imports followed, built-in names last."""
        own = self.own(module, name)
        if own is None and hasattr(builtins, name):
            return External(f"builtins.{name}")
        return own

    def own(self, module: Module, name: str) -> Symbol | None:
        """What a module itself binds a name to."""
        if (module.path, name) in self.trail:
            return None
        self.trail.append((module.path, name))
        try:
            binding = module.names.get(name)
            if binding is None:
                return self._starred(module, name)
            if isinstance(binding, Imported):
                return self._follow(binding)
            return Located(module, binding)
        finally:
            self.trail.pop()

    def attribute(self, symbol: Symbol, name: str) -> Symbol | None:
        """What ``symbol.name`` means, for modules and names of other packages."""
        if isinstance(symbol, External):
            return External(f"{symbol.origin}.{name}")
        if isinstance(symbol, ModuleName):
            return self._follow(Imported(symbol.dotted, name))
        return None

    def _follow(self, imported: Imported) -> Symbol:
        if not imported.name:
            return ModuleName(imported.module)
        target = self.module(imported.module)
        found = self.own(target, imported.name) if target else None
        inner = f"{imported.module}.{imported.name}".lstrip(".")
        if found is None and imported.module.partition(".")[0] not in OUTSIDE:
            found = ModuleName(inner) if self.module(inner) else None
        return found or External(inner)

    def _starred(self, module: Module, name: str) -> Symbol | None:
        for dotted in reversed(module.stars):
            target = self.module(dotted)
            if target is None and name in STAR_NAMES.get(dotted, ()):
                return External(f"{dotted}.{name}")
            found = self.own(target, name) if target and not name.startswith("_") else None
            if found:
                return found
        return None


def parse_module(path: str, text: str) -> Module:
    """A file's text → its names. Raises SignatureError where it is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the author's invalid escapes are not our news
            tree = ast.parse(text)
    except SyntaxError as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SignatureError(
            f"not valid Python: {error.msg}",
            where=f"{path}:{error.lineno or 1}",
            hint=f"read as Python {version}; correct the line, or run a newer Python",
        ) from error
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise SignatureError(
            f"cannot be read as Python: {str(error) or 'too deeply nested'}", where=f"{path}:1"
        ) from error
    names, stars = bindings(tree.body, path)
    return Module(path, names, tuple(stars), ast.get_docstring(tree) or "")


def bindings(body: Iterable[ast.stmt], path: str) -> tuple[dict[str, Binding], list[str]]:
    """What the statements of a module, or of a class, bind names to."""
    collector = _Collector(path)
    collector.take(body)
    return collector.names, collector.stars


class _Collector:
    """Walks statements in order; the last binding wins, but a branch not taken never does."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.names: dict[str, Binding] = {}
        self.stars: list[str] = []
        self.weak = False

    def take(self, body: Iterable[ast.stmt], *, weak: bool = False) -> None:
        before, self.weak = self.weak, self.weak or weak
        for statement in body:
            self.statement(statement)
        self.weak = before

    def bind(self, name: str, binding: Binding) -> None:
        if not (self.weak and name in self.names):
            self.names[name] = binding

    def statement(self, node: ast.stmt) -> None:
        """Bind what one statement binds."""
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            self.bind(node.name, node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self.imports(node)
        elif isinstance(node, ast.Assign):
            self.assign(node.targets, node.value)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.assign([node.target], node.value)
        elif isinstance(node, ast.AugAssign):
            self.augment(node)
        else:
            self.compound(node)

    def compound(self, node: ast.stmt) -> None:
        """Branches, loops, and calls that change a list in place."""
        if isinstance(node, ast.If):
            self.take(node.body)
            self.take(node.orelse, weak=True)
        elif isinstance(node, ast.Try):
            self.take([*node.body, *node.orelse])
            for handler in node.handlers:
                self.take(handler.body, weak=True)
            self.take(node.finalbody)
        elif isinstance(node, ast.With):
            self.take(node.body)
        elif type(node).__name__ == "TypeAlias":  # `type Name = ...`, Python 3.12
            self.assign([node.name], node.value)  # type: ignore[attr-defined]
        else:
            self.changes(node)

    def imports(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                self.bind(alias.asname or whole, Imported(whole, ""))
            return
        module = self.absolute(node)
        for alias in node.names:
            if alias.name == "*":
                self.stars.append(module)
            else:
                self.bind(alias.asname or alias.name, Imported(module, alias.name))

    def absolute(self, node: ast.ImportFrom) -> str:
        """Relative imports start at the file's folder; above the project they stay at its top."""
        if not node.level:
            return node.module or ""
        folders = self.path.split("/")[:-1]
        kept = folders[: max(0, len(folders) - node.level + 1)]
        return ".".join([*kept, *([node.module] if node.module else [])])

    def assign(self, targets: list[ast.expr], value: ast.expr) -> None:
        for target in targets:
            if isinstance(target, ast.Name):
                self.bind(target.id, Assigned(value))
            elif isinstance(target, ast.Tuple | ast.List):
                self.unpack(target.elts, value)
            elif isinstance(target, ast.Subscript | ast.Attribute):
                self.spoil(target.value, target)

    def unpack(self, targets: list[ast.expr], value: ast.expr) -> None:
        """``A, B = 1, 2`` binds each; anything cleverer is left to running the module."""
        values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
        simple = not any(isinstance(node, ast.Starred) for node in [*targets, *values])
        if simple and len(values) == len(targets):
            for target, one in zip(targets, values, strict=True):
                self.assign([target], one)
            return
        for target in targets:
            self.forget(target, "is unpacked")

    def augment(self, node: ast.AugAssign) -> None:
        """``NAMES += [...]`` is the sum of both."""
        target = node.target
        before = self.names.get(target.id) if isinstance(target, ast.Name) else None
        if isinstance(target, ast.Name) and isinstance(before, Assigned) and not self.weak:
            total = ast.BinOp(left=before.value, op=node.op, right=node.value)
            self.bind(target.id, Assigned(ast.copy_location(total, node)))
        else:
            self.forget(target, "is changed")

    def changes(self, node: ast.stmt) -> None:
        """Whatever a loop, a ``del`` or a bare call touches can no longer be known."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store | ast.Del):
                self.forget(inner, "is set in a loop or deleted")
            elif isinstance(inner, ast.Subscript) and isinstance(inner.ctx, ast.Store | ast.Del):
                self.spoil(inner.value, inner)
            elif (
                isinstance(inner, ast.Call)
                and isinstance(inner.func, ast.Attribute)
                and inner.func.attr in MUTATORS
            ):
                self.spoil(inner.func.value, inner)

    def spoil(self, target: ast.expr, node: ast.AST) -> None:
        if isinstance(target, ast.Name) and isinstance(self.names.get(target.id), Assigned):
            reason = f"is changed on line {getattr(node, 'lineno', '?')}"
            self.names[target.id] = Unknown(reason)

    def forget(self, target: ast.expr, reason: str) -> None:
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                self.names[node.id] = Unknown(f"{reason} on line {node.lineno}")
