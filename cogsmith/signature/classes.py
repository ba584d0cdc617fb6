"""Classes of a project: their ancestors, their members, and what they descend from."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cogsmith.signature.modules import (
    External,
    Imported,
    Located,
    Module,
    Project,
    Symbol,
    bindings,
    canonical,
)
from cogsmith.values import dataclass

__all__ = ["Ancestor", "ancestry", "descends", "is_enum", "member", "symbol_of"]

ENUMS = frozenset({"enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag"})


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A class in the order of method resolution: of the project, or a name outside it."""

    origin: str = ""
    module: Module | None = None
    node: ast.ClassDef | None = None


def symbol_of(project: Project, module: Module, node: ast.expr) -> Symbol | None:
    """What a plain or dotted name means; None for anything else, and for unknown names."""
    if isinstance(node, ast.Name):
        return project.look_up(module, node.id)
    if isinstance(node, ast.Attribute):
        base = symbol_of(project, module, node.value)
        if isinstance(base, Located) and isinstance(base.binding, ast.ClassDef):
            return member(project, base.module, base.binding, node.attr)
        return project.attribute(base, node.attr) if base else None
    if isinstance(node, ast.Subscript):  # Generic[T], Base[int]
        return symbol_of(project, module, node.value)
    return None


def ancestry(project: Project, module: Module, node: ast.ClassDef) -> tuple[Ancestor, ...]:
    """The class and its ancestors, each before its own and after those that stand left of it.

    Right for the trees that people write; where Python's linearization would differ (a
    diamond), a shared ancestor comes after all that descend from it, as there.
    """
    found = list(_descend(project, module, node, ()))
    return tuple(one for index, one in enumerate(found) if one not in found[index + 1 :])


def _descend(
    project: Project, module: Module, node: ast.ClassDef, trail: tuple[ast.ClassDef, ...]
) -> Iterator[Ancestor]:
    yield Ancestor(module=module, node=node)
    for base in node.bases:
        symbol = symbol_of(project, module, base)
        if isinstance(symbol, External):
            yield Ancestor(origin=canonical(symbol.origin))
        elif isinstance(symbol, Located) and isinstance(symbol.binding, ast.ClassDef):
            if symbol.binding not in trail and symbol.binding is not node:
                yield from _descend(project, symbol.module, symbol.binding, (*trail, node))
        else:
            yield Ancestor(origin=ast.unparse(base))


def descends(project: Project, module: Module, node: ast.ClassDef, *origins: str) -> bool:
    """Whether one of these names outside the project is among the ancestors."""
    return any(one.origin in origins for one in ancestry(project, module, node))


def is_enum(project: Project, module: Module, node: ast.ClassDef) -> bool:
    """Whether it is an enum."""
    return descends(project, module, node, *ENUMS)


def member(project: Project, module: Module, node: ast.ClassDef, name: str) -> Located | None:
    """What ``Class.name`` is bound to, looked for in the ancestors of the project too."""
    for one in ancestry(project, module, node):
        if one.node is not None and one.module is not None:
            binding = bindings(one.node.body, one.module.path)[0].get(name)
            if binding is not None and not isinstance(binding, Imported):
                return Located(one.module, binding)
    return None
