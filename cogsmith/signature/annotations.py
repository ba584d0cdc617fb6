"""Annotations: an expression, a text or an alias → a note of what type it speaks of.

A note says which names were meant, wherever they were made; whether Cog takes such a type
as an input or an output is decided in :mod:`input_types` and :mod:`output_types`.
"""

from __future__ import annotations

import ast
from dataclasses import field, replace

from cogsmith.errors import SignatureError
from cogsmith.signature.classes import member, symbol_of
from cogsmith.signature.modules import (
    Assigned,
    External,
    Located,
    Module,
    ModuleName,
    Project,
    Symbol,
    Unknown,
    canonical,
    place,
)
from cogsmith.values import dataclass

__all__ = ["Choice", "ClassNote", "Joined", "Named", "Note", "Nothing", "Opaque", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A name outside the project, with what stood in brackets: ``builtins.list``, ``[str]``."""

    where: str
    origin: str
    args: tuple[Note, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassNote:
    """A class of the project."""

    where: str
    module: Module
    node: ast.ClassDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """``A | B``, ``Union[A, B]``, ``Optional[A]``."""

    where: str
    members: tuple[Note, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """``None``."""

    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """``Literal["a", "b"]``."""

    where: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque:
    """``Annotated[T, Opaque]``: only whether T is a list, and whether it may be None, counts."""

    where: str
    many: bool = False
    optional: bool = False


Note = Named | ClassNote | Joined | Nothing | Choice | Opaque


def read(
    project: Project, module: Module, node: ast.expr, owner: ast.ClassDef | None = None
) -> Note:
    """An annotation → its note. Raises SignatureError for what cannot be resolved.

    ``owner`` is the class in whose body the annotation stands: its names come first.
    """
    return _Reader(project, module, owner).note(node)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads annotations in one module; ``trail`` are the aliases that led here."""

    project: Project
    module: Module
    owner: ast.ClassDef | None = None
    trail: tuple[ast.expr, ...] = field(default=())

    def note(self, node: ast.expr) -> Note:
        where = place(self.module, node)
        if isinstance(node, ast.Constant):
            return self.constant(node, where)
        if isinstance(node, ast.Name | ast.Attribute):
            return self.symbol(
                self.inside(node) or symbol_of(self.project, self.module, node), node
            )
        if isinstance(node, ast.Subscript):
            return self.subscript(node, where)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return _joined(where, [self.note(node.left), self.note(node.right)])
        raise _not_a_type(node, where)

    def inside(self, node: ast.expr) -> Located | None:
        """What a plain name means in the class around the annotation."""
        if self.owner is None or not isinstance(node, ast.Name):
            return None
        return member(self.project, self.module, self.owner, node.id)

    def constant(self, node: ast.Constant, where: str) -> Note:
        if node.value is None:
            return Nothing(where=where)
        if not isinstance(node.value, str):
            raise _not_a_type(node, where)
        try:
            inner = ast.parse(node.value.strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            raise _not_a_type(node, where) from None
        for part in ast.walk(inner):
            if isinstance(part, ast.expr):
                part.lineno = node.lineno
        return self.note(inner)

    def symbol(self, symbol: Symbol | None, node: ast.expr) -> Note:
        """The note of a name that means this."""
        where, text = place(self.module, node), ast.unparse(node)
        if symbol is None:
            raise SignatureError(
                f'cannot resolve type "{text}"',
                where=where,
                hint=f'it is defined nowhere in {self.module.path}; import or define "{text}"',
            )
        if isinstance(symbol, External):
            origin = canonical(symbol.origin)
            return (
                Nothing(where=where)
                if origin in ("types.NoneType", "builtins.None")
                else Named(where=where, origin=origin)
            )
        if isinstance(symbol, ModuleName):
            raise SignatureError(f'"{text}" is a module, not a type', where=where)
        return self.located(symbol, node)

    def located(self, symbol: Located, node: ast.expr) -> Note:
        binding, text = symbol.binding, ast.unparse(node)
        where = place(self.module, node)
        if isinstance(binding, ast.ClassDef):
            return ClassNote(where=where, module=symbol.module, node=binding)
        if isinstance(binding, Assigned) and binding.value not in self.trail:
            if isinstance(binding.value, ast.Call):
                raise _made_by_call(binding.value, text, where)
            trail = (*self.trail, binding.value)
            there = _Reader(self.project, symbol.module, None, trail)
            return replace(there.note(binding.value), where=where)
        reason = f": it {binding.reason}" if isinstance(binding, Unknown) else ""
        raise SignatureError(
            f'cannot resolve type "{text}"{reason}',
            where=where,
            hint="annotate with a class, or with a name bound once to a type",
        )

    def subscript(self, node: ast.Subscript, where: str) -> Note:
        head = self.note(node.value)
        inside = node.slice
        parts = list(inside.elts) if isinstance(inside, ast.Tuple) else [inside]
        origin = head.origin if isinstance(head, Named) else ""
        if origin == "typing.Annotated":
            return self.annotated(parts, where)
        if origin == "typing.Literal":
            return Choice(where=where, text=", ".join(ast.unparse(part) for part in parts))
        notes = [self.note(part) for part in parts]
        if origin == "typing.Union":
            return _joined(where, notes)
        if origin == "typing.Optional":
            return _joined(where, [*notes[:1], Nothing(where=where)])
        if isinstance(head, Named) and head.args is None:
            return replace(head, where=where, args=tuple(notes))
        raise SignatureError(f"`{ast.unparse(node)}` takes nothing in brackets", where=where)

    def annotated(self, parts: list[ast.expr], where: str) -> Note:
        """Only Opaque counts among what is annotated; the type inside need not be known then."""
        marks = [symbol_of(self.project, self.module, part) for part in parts[1:]]
        if not any(isinstance(m, External) and canonical(m.origin) == "cog.Opaque" for m in marks):
            return self.note(parts[0])
        many, optional = self.outline(parts[0])
        return Opaque(where=where, many=many, optional=optional)

    def outline(self, node: ast.expr) -> tuple[bool, bool]:
        """Is it a list, and may it be None? Never raises."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self.either(_members(node))
        head = node.value if isinstance(node, ast.Subscript) else node
        symbol = symbol_of(self.project, self.module, head)
        origin = canonical(symbol.origin) if isinstance(symbol, External) else ""
        if not isinstance(node, ast.Subscript):
            return origin == "builtins.list", False
        inside = node.slice
        parts = list(inside.elts) if isinstance(inside, ast.Tuple) else [inside]
        if origin == "typing.Optional":
            return self.outline(parts[0])[0], True
        if origin == "typing.Union":
            return self.either(parts)
        return origin == "builtins.list", False

    def either(self, parts: list[ast.expr]) -> tuple[bool, bool]:
        some = [part for part in parts if not _is_none(part)]
        many = len(some) == 1 and self.outline(some[0])[0]
        return many, len(some) < len(parts)


def _joined(where: str, notes: list[Note]) -> Note:
    """Unions flatten, and say each member once, as in Python."""
    flat: list[Note] = []
    for note in notes:
        flat += note.members if isinstance(note, Joined) else [note]
    seen: dict[object, Note] = {}
    for note in flat:
        seen.setdefault(_key(note), note)
    members = tuple(seen.values())
    return members[0] if len(members) == 1 else Joined(where=where, members=members)


def _key(note: Note) -> object:
    """A note without its place."""
    if isinstance(note, Named):
        inner = None if note.args is None else tuple(_key(one) for one in note.args)
        return (note.origin, inner)
    if isinstance(note, ClassNote):
        return note.node
    if isinstance(note, Joined):
        return frozenset(_key(one) for one in note.members)
    return type(note) if isinstance(note, Nothing) else replace(note, where="")


def _members(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_members(node.left), *_members(node.right)]
    return [node]


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _not_a_type(node: ast.expr, where: str) -> SignatureError:
    return SignatureError(
        f"`{ast.unparse(node)}` is not a type",
        where=where,
        hint="annotate with a type such as str, int, float, bool, cog.Path or list[str]",
    )


def _made_by_call(call: ast.Call, text: str, where: str) -> SignatureError:
    return SignatureError(
        f'cannot resolve type "{text}": it is made by calling `{ast.unparse(call.func)}`',
        where=where,
        hint="annotate with the type itself, or define a class",
    )
