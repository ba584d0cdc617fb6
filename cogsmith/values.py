"""Frozen dataclasses that are quick to define: the value types of all rooms.

Python's own ``dataclass(frozen=True)`` writes, compiles and runs six functions for each class:
half a millisecond, and a command that lasts a quarter of a second defines a hundred classes
before it begins. Here one function is made for each class, its ``__init__``; the others are the
same for all. Fields, slots, ``replace``, ``asdict`` and all else are Python's; what is not
frozen, or ordered, is so altogether. tests/test_values.py holds the two against each other.

In: a class with annotations.
Out: the class, as ``dataclasses.dataclass`` makes it.
Touches: nothing.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

_FACTORY = object()  # stands for a default that is made anew for each object
_INIT = """\
def make(_set, _factory, {defaults}):
    def __init__(self, {parameters}):
        {body}
    return __init__
"""


def _dataclass(cls: type | None = None, /, **options: bool) -> Any:
    if cls is None:
        return partial(_dataclass, **options)
    if not options.get("frozen") or options.keys() - {"frozen", "slots", "kw_only", "eq", "repr"}:
        return dataclasses.dataclass(cls, **options)
    more = {name: options[name] for name in ("slots", "kw_only") if name in options}
    own = {name for name, value in vars(cls).items() if (name, value) != ("__hash__", None)}
    made: Any = dataclasses.dataclass(cls, init=False, repr=False, eq=False, **more)
    fields = dataclasses.fields(made)
    methods: dict[str, Any] = {"__init__": _init(made, fields)}
    if options.get("repr", True):
        methods["__repr__"] = _repr
    if options.get("eq", True):
        made.__compared__ = _getter([field for field in fields if field.compare])
        made.__hashed__ = _getter([f for f in fields if (f.compare if f.hash is None else f.hash)])
        methods |= {"__eq__": _eq, "__hash__": _hash}
    if options.get("slots"):
        methods |= {"__getstate__": _get_state, "__setstate__": _set_state}
    for name, method in methods.items():
        if name not in own:
            setattr(made, name, method)
    made.__setattr__, made.__delattr__ = _refuse_set, _refuse_delete
    return made


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _dataclass


def _init(cls: type, fields: tuple[dataclasses.Field[Any], ...]) -> Any:
    """The one function that is of each class alone."""
    defaults: dict[str, Any] = {}
    lines: list[str] = []
    parameters: dict[bool, list[str]] = {False: [], True: []}  # those by keyword alone come last
    for field in fields:
        name = value = field.name
        default = ""
        if field.default_factory is not dataclasses.MISSING:
            defaults[f"_of_{name}"] = field.default_factory
            default, value = "=_factory", f"_of_{name}()"
            if field.init:
                value += f" if {name} is _factory else {name}"
        elif field.default is not dataclasses.MISSING:
            defaults[f"_of_{name}"] = field.default
            default, value = f"=_of_{name}", name if field.init else f"_of_{name}"
        if field.init:
            parameters[bool(field.kw_only)].append(f"{name}{default}")
        if field.init or default:
            lines.append(f"_set(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    listed = [*parameters[False], *(["*", *parameters[True]] if parameters[True] else [])]
    text = _INIT.format(
        defaults=", ".join(defaults), parameters=", ".join(listed),
        body="\n        ".join(lines or ["pass"]),
    )  # fmt: skip
    space: dict[str, Any] = {}
    exec(text, space)  # noqa: S102 - the names in it are those of fields
    made = space["make"](object.__setattr__, _FACTORY, **defaults)
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _getter(fields: list[dataclasses.Field[Any]]) -> Any:
    names = [field.name for field in fields]
    return staticmethod(attrgetter(*names) if names else lambda _: ())


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return bool(self.__compared__(self) == self.__compared__(other))


def _hash(self: Any) -> int:
    return hash(self.__hashed__(self))


def _refuse_set(self: object, name: str, value: object) -> None:  # noqa: ARG001
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_delete(self: object, name: str) -> None:  # noqa: ARG001
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _get_state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
