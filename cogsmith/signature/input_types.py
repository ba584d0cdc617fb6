"""Which types an input may have."""

from __future__ import annotations

from dataclasses import replace

from cogsmith.errors import SignatureError
from cogsmith.signature.annotations import (
    Choice,
    ClassNote,
    Joined,
    Named,
    Note,
    Nothing,
    Opaque,
)
from cogsmith.signature.classes import descends, is_enum
from cogsmith.signature.modules import Project
from cogsmith.signature.types import InputType, Kind

__all__ = ["KINDS", "MODELS", "TYPED_DICT", "input_type", "unresolved"]

KINDS = {
    "builtins.bool": Kind.BOOLEAN,
    "builtins.float": Kind.FLOAT,
    "builtins.int": Kind.INTEGER,
    "builtins.str": Kind.STRING,
    "cog.Path": Kind.PATH,
    "cog.File": Kind.FILE,
    "cog.Secret": Kind.SECRET,
    "typing.Any": Kind.ANY,
    "builtins.dict": Kind.ANY,
}
MODELS = ("cog.BaseModel", "pydantic.BaseModel")
TYPED_DICT = "typing.TypedDict"
ADVICE = "inputs may be str, int, float, bool, Path, File, Secret, dict, Any, or a list of these"
ALONE = frozenset({Kind.PATH, Kind.FILE, Kind.SECRET})


def input_type(project: Project, note: Note) -> InputType:
    """The type of an input that is annotated so. Raises SignatureError for what Cog refuses."""
    if isinstance(note, Named):
        return _named(project, note)
    if isinstance(note, Joined):
        return _union(project, note)
    if isinstance(note, Opaque):
        return InputType(many=note.many, optional=note.optional)
    if isinstance(note, ClassNote):
        if descends(project, note.module, note.node, TYPED_DICT):
            return InputType()
        raise _class(project, note)
    if isinstance(note, Choice):
        raise SignatureError(
            "unsupported input type: Literal is not taken by Cog",
            where=note.where,
            hint=f"write str (or int) = Input(choices=[{note.text}])",
        )
    raise SignatureError("unsupported input type: None alone", where=note.where, hint=ADVICE)


def unresolved(note: Named, hint: str) -> SignatureError:
    """A name of a package that cannot be looked into."""
    module, _, name = note.origin.rpartition(".")
    if module == "builtins":
        return SignatureError(f"unsupported type: {name}", where=note.where, hint=hint)
    return SignatureError(
        f'cannot resolve type "{name}" (imported from "{module}")', where=note.where, hint=hint
    )


def _named(project: Project, note: Named) -> InputType:
    if note.origin in KINDS and (note.args is None or note.origin == "builtins.dict"):
        return InputType(kind=KINDS[note.origin])
    if note.origin == "builtins.list":
        return _list(project, note)
    if note.origin == TYPED_DICT:
        return InputType()
    if note.origin.startswith("typing."):
        raise SignatureError(
            f"unsupported input type: {note.origin.removeprefix('typing.')}",
            where=note.where,
            hint=ADVICE,
        )
    raise unresolved(note, f"{ADVICE}; for any other, write Annotated[T, Opaque]")


def _list(project: Project, note: Named) -> InputType:
    if note.args is None:
        return InputType(many=True)
    if len(note.args) != 1:
        raise SignatureError(
            f"list takes one type, not {len(note.args)}", where=note.where, hint="write list[str]"
        )
    inner = input_type(project, note.args[0])
    if inner.many or inner.optional or inner.variants:
        raise SignatureError(
            f"unsupported input type: a list of {inner}",
            where=note.where,
            hint="lists hold plain values; take a dict, or Annotated[list, Opaque]",
        )
    return replace(inner, many=True)


def _union(project: Project, note: Joined) -> InputType:
    some = [one for one in note.members if not isinstance(one, Nothing)]
    optional = len(some) < len(note.members)
    types = tuple(dict.fromkeys(input_type(project, one) for one in some))
    if len(types) == 1:
        return replace(types[0], optional=optional or types[0].optional)
    for one in types:
        if one.kind in ALONE or one.optional or one.variants:
            raise SignatureError(
                f"unsupported input type: {one} in a union",
                where=note.where,
                hint="unions join str, int, float, bool, dict and lists of these",
            )
    return InputType(variants=types, optional=optional)


def _class(project: Project, note: ClassNote) -> SignatureError:
    name = note.node.name
    hint = ADVICE
    if is_enum(project, note.module, note.node):
        hint = f"write str (or int) = Input(choices=[member.value for member in {name}])"
    elif descends(project, note.module, note.node, *MODELS):
        hint = f"take a dict and build {name} from it in predict()"
    return SignatureError(f'unsupported input type: class "{name}"', where=note.where, hint=hint)
