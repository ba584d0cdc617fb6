"""Which types an output may have; they nest."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import field, replace

from cogsmith.errors import SignatureError
from cogsmith.signature.annotations import (
    Choice,
    ClassNote,
    Joined,
    Named,
    Note,
    Nothing,
    Opaque,
    read,
)
from cogsmith.signature.classes import ancestry, descends, symbol_of
from cogsmith.signature.input_types import KINDS, MODELS, TYPED_DICT, unresolved
from cogsmith.signature.modules import External, Module, Project, canonical
from cogsmith.signature.types import Kind, OutputField, OutputType, Shape
from cogsmith.values import dataclass

__all__ = ["output_type"]

ITERATORS = frozenset({"typing.Iterator", "typing.AsyncIterator"})
CONCATENATED = frozenset({"cog.ConcatenateIterator", "cog.AsyncConcatenateIterator"})
ADVICE = (
    "outputs may be str, int, float, bool, Path, a BaseModel or TypedDict of the project, "
    "list[...], dict[str, ...], Iterator[...] or ConcatenateIterator[str]"
)


def output_type(project: Project, note: Note) -> OutputType:
    """The output of a callable annotated so. Raises SignatureError for what Cog refuses."""
    return _Outputs(project).whole(note)


@dataclass(frozen=True, slots=True)
class _Outputs:
    """``trail`` are the classes being read: one inside itself is an opaque object, as in Cog."""

    project: Project
    trail: tuple[ast.ClassDef, ...] = field(default=())

    def whole(self, note: Note) -> OutputType:
        """The type of the whole output: the one place where iterators may stand."""
        if isinstance(note, Nothing):
            raise SignatureError(
                "unsupported output type: None",
                where=note.where,
                hint=f"return something, if only a text; {ADVICE}",
            )
        if isinstance(note, Named) and note.origin in ITERATORS | CONCATENATED:
            return self.iterator(note)
        return self.part(note)

    def iterator(self, note: Named) -> OutputType:
        name = note.origin.rpartition(".")[2]
        if note.args is None or len(note.args) != 1:
            raise SignatureError(
                f"{name} needs the type of its items", where=note.where, hint=f"write {name}[str]"
            )
        items = self.part(note.args[0])
        if note.origin in ITERATORS:
            return OutputType(shape=Shape.ITERATOR, items=items)
        if items != OutputType(kind=Kind.STRING):
            raise SignatureError(
                f"{name} must have str items",
                where=note.where,
                hint=f"write {name}[str], or Iterator[...] for other items",
            )
        return OutputType(shape=Shape.CONCATENATED, items=items)

    def part(self, note: Note) -> OutputType:
        """An output, or what is inside one."""
        if isinstance(note, Named):
            return self.named(note)
        if isinstance(note, ClassNote):
            return self.of_class(note)
        if isinstance(note, Opaque) and not note.optional:
            opaque = OutputType()
            return OutputType(shape=Shape.LIST, items=opaque) if note.many else opaque
        raise self.refusal(note)

    def refusal(self, note: Note) -> SignatureError:
        members = note.members if isinstance(note, Joined) else ()
        optional = isinstance(note, Opaque) or any(isinstance(one, Nothing) for one in members)
        if isinstance(note, Choice):
            return SignatureError(
                "unsupported output type: Literal", where=note.where, hint="write str or int"
            )
        if optional or isinstance(note, Nothing):
            return SignatureError(
                "unsupported output type: Optional is not allowed as a return type",
                where=note.where,
                hint="return a BaseModel with an Optional field, or raise an error",
            )
        return SignatureError(
            "unsupported output type: a union",
            where=note.where,
            hint="return one type, or a BaseModel with a field for each",
        )

    def named(self, note: Named) -> OutputType:
        args = note.args or ()
        if note.origin == "builtins.dict" and len(args) == 2:
            return OutputType(shape=Shape.DICT, items=self.part(args[1]))
        if note.origin == "builtins.list" and len(args) <= 1:
            items = self.part(args[0]) if args else OutputType()
            return OutputType(shape=Shape.LIST, items=items)
        if note.origin in KINDS and not args:
            return OutputType(kind=KINDS[note.origin])
        name = note.origin.rpartition(".")[2]
        if note.origin in ITERATORS | CONCATENATED:
            raise SignatureError(
                f"unsupported output type: {name} inside another type",
                where=note.where,
                hint=f"an iterator must be the whole output: -> {name}[...]",
            )
        if note.origin.startswith("typing."):
            hint = "write Iterator[...]" if "Generator" in name else ADVICE
            raise SignatureError(f"unsupported output type: {name}", where=note.where, hint=hint)
        raise unresolved(note, "define it as a BaseModel in the project, or return a dict or a str")

    def of_class(self, note: ClassNote) -> OutputType:
        if note.node in self.trail:
            return OutputType()
        typed_dict = descends(self.project, note.module, note.node, TYPED_DICT)
        if not typed_dict and not descends(self.project, note.module, note.node, *MODELS):
            raise SignatureError(
                f'unsupported output type: class "{note.node.name}"',
                where=note.where,
                hint=f"make it a cog.BaseModel: class {note.node.name}(BaseModel)",
            )
        inside = replace(self, trail=(*self.trail, note.node))
        fields = inside.typed_dict(note) if typed_dict else inside.model(note)
        return OutputType(shape=Shape.OBJECT, fields=tuple(fields.values()))

    def model(self, note: ClassNote) -> dict[str, OutputField]:
        """Fields of a BaseModel; those of its ancestors come first."""
        found: dict[str, OutputField] = {}
        for _, module, statement in self.annotated(note):
            name = statement.target.id  # type: ignore[union-attr]
            typed = self.field(read(self.project, module, statement.annotation))
            required = not typed.nullable and not _is_literal(statement.value)
            found[name] = OutputField(name=name, type=typed, required=required)
        return found

    def typed_dict(self, note: ClassNote) -> dict[str, OutputField]:
        """Keys of a TypedDict: which are required is said by ``total`` and ``NotRequired``."""
        found: dict[str, OutputField] = {}
        for owner, module, statement in self.annotated(note):
            name = statement.target.id  # type: ignore[union-attr]
            inner = read(self.project, module, statement.annotation)
            required = not any(
                one.arg == "total" and isinstance(one.value, ast.Constant) and not one.value.value
                for one in owner.keywords
            )
            if isinstance(inner, Named) and inner.args and inner.origin in QUALIFIERS:
                required = QUALIFIERS.get(inner.origin, required)
                inner = inner.args[0]
            found[name] = OutputField(name=name, type=self.field(inner), required=required)
        return found

    def annotated(self, note: ClassNote) -> Iterator[tuple[ast.ClassDef, Module, ast.AnnAssign]]:
        """The annotated names of a class and its ancestors, the furthest ancestor first."""
        for one in reversed(ancestry(self.project, note.module, note.node)):
            if one.node is None or one.module is None:
                continue
            for statement in one.node.body:
                if not isinstance(statement, ast.AnnAssign):
                    continue
                named = isinstance(statement.target, ast.Name)
                if named and not self.is_class_variable(one.module, statement.annotation):
                    yield one.node, one.module, statement

    def is_class_variable(self, module: Module, annotation: ast.expr) -> bool:
        symbol = symbol_of(self.project, module, annotation)
        return isinstance(symbol, External) and canonical(symbol.origin) == "typing.ClassVar"

    def field(self, note: Note) -> OutputType:
        """Inside an object, and only there, None is allowed beside a type."""
        if isinstance(note, Opaque) and note.optional:
            return replace(self.part(replace(note, optional=False)), nullable=True)
        if isinstance(note, Joined):
            some = [one for one in note.members if not isinstance(one, Nothing)]
            if len(some) == 1 and len(note.members) == 2:
                return replace(self.part(some[0]), nullable=True)
        return self.part(note)


QUALIFIERS = {"typing.Required": True, "typing.NotRequired": False}


def _is_literal(node: ast.expr | None) -> bool:
    """A default that Cog counts as one: written out, not computed."""
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.operand, ast.Constant)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return all(_is_literal(one) for one in node.elts)
    if isinstance(node, ast.Dict):
        return True
    return isinstance(node, ast.Constant) and node.value is not Ellipsis
