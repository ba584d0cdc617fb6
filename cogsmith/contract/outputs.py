"""What has changed in an output, at any depth."""

from __future__ import annotations

from collections.abc import Iterator

from cogsmith.contract.findings import Change, Effect
from cogsmith.signature import Kind, OutputField, OutputType, Shape

__all__ = ["output_changes", "output_name"]

ADVICE = "clients that read the old one may fail"


def output_changes(old: OutputType, new: OutputType, where: str) -> Iterator[Change]:
    """Every change from one output to another; ``where`` names it for people."""
    if old.shape is not new.shape or not _same_kind(old, new):
        message = f"was {output_name(old)}, is {output_name(new)} now"
        effect = Effect.COMPATIBLE if _narrower(old, new) else Effect.BREAKING
        hint = "" if effect is Effect.COMPATIBLE else ADVICE
        yield Change(effect=effect, where=where, message=message, hint=hint)
        return
    if new.nullable and not old.nullable:
        yield Change(effect=Effect.BREAKING, where=where, message="may be null now", hint=ADVICE)
    elif old.nullable and not new.nullable:
        yield Change(effect=Effect.COMPATIBLE, where=where, message="is never null any more")
    if old.items and new.items:
        yield from output_changes(old.items, new.items, f"{where}[]")
    yield from _fields(old, new, where)


def _same_kind(old: OutputType, new: OutputType) -> bool:
    return old.kind is new.kind or old.shape is not Shape.SINGLE


def _narrower(old: OutputType, new: OutputType) -> bool:
    """Whether all that the new one gives was promised: a whole number is a number."""
    if new.nullable and not old.nullable:
        return False
    single = old.shape is Shape.SINGLE and new.shape is Shape.SINGLE
    return single and (old.kind, new.kind) == (Kind.FLOAT, Kind.INTEGER)


def _fields(old: OutputType, new: OutputType, where: str) -> Iterator[Change]:
    before = {field.name: field for field in old.fields}
    after = {field.name: field for field in new.fields}
    for name, field in before.items():
        place = f"{where}.{name}"
        if name not in after:
            yield Change(effect=Effect.BREAKING, where=place, message="is gone", hint=ADVICE)
            continue
        yield from _presence(field, after[name], place)
        yield from output_changes(field.type, after[name].type, place)
    for name in after:
        if name not in before:
            yield Change(effect=Effect.COMPATIBLE, where=f"{where}.{name}", message="is new")


def _presence(old: OutputField, new: OutputField, where: str) -> Iterator[Change]:
    if old.required and not new.required:
        message = "may be missing now"
        yield Change(effect=Effect.BREAKING, where=where, message=message, hint=ADVICE)
    elif new.required and not old.required:
        yield Change(effect=Effect.COMPATIBLE, where=where, message="is always there now")


def output_name(output: OutputType) -> str:
    """An output's type in the words of an author.

    >>> output_name(OutputType(shape=Shape.LIST, items=OutputType(kind=Kind.STRING)))
    'list[str]'
    """
    inner = output_name(output.items) if output.items else Kind.ANY.value
    names = {
        Shape.LIST: f"list[{inner}]",
        Shape.DICT: f"dict[str, {inner}]",
        Shape.OBJECT: f"{{{', '.join(field.name for field in output.fields)}}}",
        Shape.ITERATOR: f"Iterator[{inner}]",
        Shape.CONCATENATED: f"ConcatenateIterator[{inner}]",
    }
    return names.get(output.shape, output.kind.value)
