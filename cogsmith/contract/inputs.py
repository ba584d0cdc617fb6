"""What has changed in one input."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterator

from cogsmith.contract.findings import Change, Effect
from cogsmith.signature import InputField, InputType, Kind

__all__ = ["input_changes"]

# (field, what people call it, whether more of it asks for more)
LIMITS = (
    ("minimum", "minimum", True),
    ("maximum", "maximum", False),
    ("min_length", "least number of characters", True),
    ("max_length", "greatest number of characters", False),
)
# A caller's JSON of the first kind is of the second, too.
WIDER = {
    (Kind.INTEGER, Kind.FLOAT): "",
    (Kind.STRING, Kind.SECRET): "",
    (Kind.SECRET, Kind.STRING): "it is not hidden in logs and answers any more",
    (Kind.FILE, Kind.PATH): "",
    (Kind.PATH, Kind.FILE): "",
}
WIDEN_AGAIN = "callers may rely on what was allowed"


def input_changes(old: InputField, new: InputField) -> Iterator[Change]:
    """Every change of an input that both versions have."""
    where = f"input {old.name}"
    yield from _type(where, old.type, new.type)
    if new.required and not old.required:
        hint = "give it a default"
        yield _change(Effect.BREAKING, where, "is required now", hint)
    elif old.required and not new.required:
        yield _change(Effect.COMPATIBLE, where, "is not required any more")
    yield from _limits(where, old, new)
    yield from _choices(where, old, new)
    yield from _pattern(where, old, new)
    yield from _default(where, old, new)
    yield from _words(where, old, new)


def _change(effect: Effect, where: str, message: str, hint: str = "") -> Change:
    return Change(effect=effect, where=where, message=message, hint=hint)


def _type(where: str, old: InputType, new: InputType) -> Iterator[Change]:
    """None is not compared: it is told by ``required``, and null is refused by all servers."""
    before, after = (InputType(kind=t.kind, many=t.many, variants=t.variants) for t in (old, new))
    if before == after:
        return
    reason = _widened(before, after)
    message = f"was {before}, is {after} now"
    if reason is None:
        hint = "add an input of another name, and keep this one"
        yield _change(Effect.BREAKING, where, message, hint)
    else:
        yield _change(Effect.COMPATIBLE, where, message, reason)


def _widened(old: InputType, new: InputType) -> str | None:
    """None where some value of the old type is none of the new; else what else there is to say."""
    if old.variants:
        reasons = [_widened(one, new) for one in old.variants]
        return None if None in reasons else "; ".join(filter(None, reasons))
    if new.variants:
        found = (_widened(old, one) for one in new.variants)
        return next((reason for reason in found if reason is not None), None)
    if old.many != new.many:
        return None
    return "" if old.kind is new.kind else WIDER.get((old.kind, new.kind))


def _limits(where: str, old: InputField, new: InputField) -> Iterator[Change]:
    for name, words, is_least in LIMITS:
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        tighter: Callable[[float, float], bool] = operator.gt if is_least else operator.lt
        breaks = after is not None and (before is None or tighter(after, before))
        message = f"{words} was {_told(before)}, is {_told(after)} now"
        effect = Effect.BREAKING if breaks else Effect.COMPATIBLE
        yield _change(effect, where, message, WIDEN_AGAIN if breaks else "")


def _choices(where: str, old: InputField, new: InputField) -> Iterator[Change]:
    if set(old.choices) == set(new.choices):
        if old.choices != new.choices:
            yield _change(Effect.COSMETIC, where, "its choices stand in another order")
    elif not old.choices:
        message = f"must be one of {_listed(new.choices)} now"
        yield _change(Effect.BREAKING, where, message, WIDEN_AGAIN)
    elif not new.choices:
        yield _change(Effect.COMPATIBLE, where, "may be anything now, not one of its choices")
    else:
        gone = [choice for choice in old.choices if choice not in new.choices]
        added = [choice for choice in new.choices if choice not in old.choices]
        if gone:
            message = f"choices are gone: {_listed(gone)}"
            yield _change(Effect.BREAKING, where, message, "keep them, if only as other names")
        if added:
            yield _change(Effect.COMPATIBLE, where, f"choices are new: {_listed(added)}")


def _pattern(where: str, old: InputField, new: InputField) -> Iterator[Change]:
    """Which of two expressions matches more is not decided here: another one may refuse."""
    if old.regex == new.regex:
        return
    message = f"its regular expression was {_told(old.regex)}, is {_told(new.regex)} now"
    effect = Effect.BREAKING if new.regex is not None else Effect.COMPATIBLE
    yield _change(effect, where, message)


def _default(where: str, old: InputField, new: InputField) -> Iterator[Change]:
    if old.required or new.required or _same(old.default, new.default):
        return
    message = f"its default was {_told(old.default)}, is {_told(new.default)} now"
    hint = "who leaves it out gets other answers"
    yield _change(Effect.COMPATIBLE, where, message, hint)


def _same(old: object, new: object) -> bool:
    """As JSON says it: true is not 1, but 1.0 is."""
    return old == new and isinstance(old, bool) == isinstance(new, bool)


def _words(where: str, old: InputField, new: InputField) -> Iterator[Change]:
    if old.description != new.description:
        yield _change(Effect.COSMETIC, where, "its description is another")
    if old.order != new.order:
        yield _change(Effect.COSMETIC, where, "it stands at another place")
    if old.deprecated != new.deprecated:
        said = "is deprecated now" if new.deprecated else "is not deprecated any more"
        yield _change(Effect.COSMETIC, where, said)
    if old.accept != new.accept:
        message = f"files that it asks for were {_told(old.accept)}, are {_told(new.accept)} now"
        yield _change(Effect.COSMETIC, where, message)


def _told(value: object) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _listed(values: tuple[object, ...] | list[str | int]) -> str:
    return ", ".join(map(_told, values))
